package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/store"
)

func (a *app) restoreCommand() *cobra.Command {
	var o store.RestoreOptions
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a backup in place of the server's database",
		Long: `Puts a backup in place of the server's database, which may be of the other kind:
what was saved from SQLite restores into PostgreSQL, and back. All of the file is
verified before anything is changed. The server must not run.

A database that holds something is only replaced with --force, and a copy of it
is kept in the data folder. A backup of an older version is brought to this one;
one of a newer version is refused.`,
		Example: `  portvigil restore portvigil-2026-11-24.pvbackup
  portvigil restore portvigil.pvbackup --database postgres:///portvigil?host=/run/postgresql`,
		Args: need(1, "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := checkDatabase(o.Database); err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return unreadableFile(args[0], err)
			}
			defer f.Close()
			r, err := store.Restore(c.Context(), a.dataFolder(), f, o)
			if err != nil {
				return err
			}
			return a.toldRestored(args[0], r)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Database, "database", "", "a PostgreSQL database, as postgres://USER@HOST/DATABASE (default: a file in the data folder)")
	f.StringVar(&o.KeyFile, "key-file", "", keyFileHelp)
	f.BoolVar(&o.Force, "force", false, "replace a database that holds something; a copy of it is kept")
	f.BoolVar(&o.WithoutSecrets, "without-secrets", false, "leave the secrets of channels and second factors out, where the key is lost")
	return c
}

// restoreRecord is what a restore did as a record.
type restoreRecord struct {
	Type       string         `json:"type"` // "restore"
	Time       time.Time      `json:"time"`
	File       string         `json:"file"`
	Kept       string         `json:"kept,omitempty"`
	Secretless []string       `json:"without_secret,omitempty"`        // channels
	Factorless []string       `json:"without_second_factor,omitempty"` // users
	Rows       map[string]int `json:"rows"`
}

func (a *app) toldRestored(path string, r store.Restored) error {
	if a.json {
		return a.record(restoreRecord{"restore", time.Now().UTC(), path, r.Kept, r.Secretless, r.Factorless, r.Rows})
	}
	fmt.Fprintf(a.stdout, "Restored %s of %s.\n", rowsText(r.Rows), r.Created.UTC().Format(time.RFC3339))
	if r.Kept != "" {
		fmt.Fprintf(a.stdout, "What was there before is kept in %s.\n", r.Kept)
	}
	if len(r.Secretless) > 0 {
		fmt.Fprintf(a.stdout, "These channels have lost their secret; remove them and add them again: %s\n", portvigil.Printable(strings.Join(r.Secretless, ", ")))
	}
	if len(r.Factorless) > 0 {
		fmt.Fprintf(a.stdout, "The second factor of these users is lost, only a recovery code lets them in; turn it off with portvigil users reset-factor NAME: %s\n",
			portvigil.Printable(strings.Join(r.Factorless, ", ")))
	}
	fmt.Fprintf(a.stdout, "Next: portvigil serve%s\n", a.dataFlag())
	return nil
}
