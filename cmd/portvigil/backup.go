package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/store"
)

type backupOptions struct {
	database string
	keyFile  string
	withKey  bool
	force    bool
	verify   bool
}

func (a *app) backupCommand() *cobra.Command {
	var o backupOptions
	c := &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Write all that the server knows to one file, or verify such a file",
		Long: `Writes all that the server knows to one file, as it is at one moment, and reads
the file again before it is put in place. The server goes on meanwhile; where
none runs, its database is read directly. The same file restores into SQLite and
PostgreSQL: portvigil restore FILE.

The key file is not in it unless --with-key is given: without the key the
secrets of channels and second factors cannot be read, neither by a thief nor by
you. Keep it elsewhere.`,
		Example: `  portvigil backup /srv/backup/portvigil-2026-11-24.pvbackup
  portvigil backup - | ssh elsewhere 'cat > portvigil.pvbackup'
  portvigil backup --verify /srv/backup/portvigil-2026-11-24.pvbackup`,
		Args: need(1, "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case o.verify:
				return a.verifyBackup(args[0])
			case args[0] == "-":
				return a.backupToStdout(c.Context(), o)
			}
			return a.backup(c.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.database, "database", "", "the server's PostgreSQL database, where no server runs (default: the file in the data folder)")
	f.StringVar(&o.keyFile, "key-file", "", keyFileHelp)
	f.BoolVar(&o.withKey, "with-key", false, "put the key into it: whoever reads the file can then read the secrets of channels and second factors")
	f.BoolVar(&o.force, "force", false, "replace a file that is there")
	f.BoolVar(&o.verify, "verify", false, "read the whole of a backup, and change nothing")
	return c
}

// backup writes the file beside its place, verifies it and renames it.
func (a *app) backup(ctx context.Context, path string, o backupOptions) (err error) {
	if _, err := os.Lstat(path); err == nil && !o.force {
		return portvigil.Errorf(portvigil.CodeConflict, "%s is there already", portvigil.Printable(path)).
			WithHint("name another file, or give --force")
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.part") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	contents, err := a.writeBackup(ctx, f, o)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return a.toldBackup("backup", path, contents, o)
}

// writeBackup fills the file, waits until it is on disk, and reads it again.
func (a *app) writeBackup(ctx context.Context, f *os.File, o backupOptions) (c store.BackupContents, err error) {
	if err := a.takeBackup(ctx, f, o); err != nil {
		return c, err
	}
	if err := f.Sync(); err != nil {
		return c, err
	}
	return store.VerifyBackup(f)
}

func (a *app) backupToStdout(ctx context.Context, o backupOptions) error {
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return portvigil.Errorf(portvigil.CodeInvalid, "a backup is no text for a terminal").
			WithHint("name a file, or a pipe: portvigil backup - | ssh elsewhere 'cat > portvigil.pvbackup'")
	}
	return a.takeBackup(ctx, a.stdout, o)
}

// takeBackup asks the server that runs, or reads the database where none does.
func (a *app) takeBackup(ctx context.Context, w io.Writer, o backupOptions) error {
	path := backupPath
	if o.withKey {
		path += "?key=yes"
	}
	c := a.client()
	if _, err := os.Stat(c.socket); err == nil {
		answer, err := c.send(ctx, http.MethodPost, path, nil)
		if err == nil {
			_, err = io.Copy(w, answer.Body)
			return errors.Join(err, answer.Body.Close())
		}
		if !isStale(err) {
			return err
		}
	}
	return store.BackupClosed(ctx, a.dataFolder(), store.Options{Database: o.database, KeyFile: o.keyFile}, w, o.withKey)
}

// isStale reports whether the socket is one that a server left which has ended.
func isStale(err error) bool { return portvigil.ErrorCode(err) == portvigil.CodeUnavailable }

func (a *app) verifyBackup(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return unreadableFile(path, err)
	}
	defer f.Close()
	c, err := store.VerifyBackup(f)
	if err != nil {
		return err
	}
	return a.toldBackup("verified", path, c, backupOptions{})
}

func unreadableFile(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return portvigil.Errorf(portvigil.CodeNotFound, "there is no file %s", portvigil.Printable(path)).
			WithHint("name a file that was written by: portvigil backup FILE")
	}
	return err
}

// backupRecord is what a backup has as a record.
type backupRecord struct {
	Type    string         `json:"type"` // "backup"
	Time    time.Time      `json:"time"`
	File    string         `json:"file"`
	Created time.Time      `json:"created"`
	Version int64          `json:"version"`
	Engine  string         `json:"engine"`
	Key     bool           `json:"key"`
	Rows    map[string]int `json:"rows"`
}

func (a *app) toldBackup(what, path string, c store.BackupContents, o backupOptions) error {
	if a.json {
		return a.record(backupRecord{"backup", time.Now().UTC(), path, c.Created, c.Version, c.Engine, c.Key != "", c.Rows})
	}
	if what == "verified" {
		fmt.Fprintf(a.stdout, "%s is whole: taken at %s from %s, with %s.\n", portvigil.Printable(path),
			c.Created.UTC().Format(time.RFC3339), portvigil.Printable(c.Engine), rowsText(c.Rows))
	} else {
		fmt.Fprintf(a.stdout, "Wrote %s: %s.\n", portvigil.Printable(path), rowsText(c.Rows))
	}
	switch {
	case c.Key != "":
		fmt.Fprintln(a.stdout, "The key is in it: whoever reads the file can read the secrets of channels and second factors.")
	case what != "verified":
		fmt.Fprintf(a.stdout, "The key is not in it: keep %s elsewhere, or the secrets of channels and second factors are lost with it.\n", a.keyToKeep(o.keyFile))
	}
	return nil
}

// keyToKeep names the key file as far as this command can know it: the server
// that runs may have been told of another place.
func (a *app) keyToKeep(keyFile string) string {
	inFolder := filepath.Join(a.dataFolder(), "key")
	if keyFile == "" && fileThere(inFolder) {
		keyFile = inFolder
	}
	return cmp.Or(keyFile, "the file that serve has as --key-file")
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// rowsText counts what people know by name.
func rowsText(rows map[string]int) string {
	var parts []string
	for _, table := range slices.Sorted(slices.Values([]string{"alerts", "baselines", "channels", "hosts", "looks"})) {
		parts = append(parts, fmt.Sprintf("%d %s", rows[table], table))
	}
	return strings.Join(parts, ", ")
}
