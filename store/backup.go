package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/portvigil/portvigil"
)

// A backup is one file for both databases:
//
//	"PVBACKUP1\n" │ gzip( head line, for each table: table line, row lines, end line ) │ SHA-256
//
// The lines are JSON. The sum is over all that precedes it, so that a byte that
// changed, is missing or was added shows before anything is read. Jobs are not in
// it: they are made anew from the rows that wait.
const (
	backupMagic = "PVBACKUP"
	// backupFormat is what follows the magic: one that another program cannot read
	// gets another.
	backupFormat = "1\n"
)

// BackupHead is what a backup says of itself.
type BackupHead struct {
	// Version is the version of the tables.
	Version int64     `json:"version"`
	Created time.Time `json:"created"`
	Engine  string    `json:"engine"` // that it was taken from: "sqlite" or "postgres"
	// Key is the key file, where it was asked for.
	Key string `json:"key,omitempty"`
}

// backupTable begins the rows of one table.
type backupTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// backupEnd is the last line: how many rows each table has.
type backupEnd struct {
	Rows map[string]int `json:"rows"`
}

// blob is a value that is no JSON text: bytes, or text that is not valid UTF-8.
type blob struct {
	Kind string `json:"kind"` // "bytes" or "text"
	Data []byte `json:"data"`
}

// Backup writes every row to w, as they are at one moment. Readers and the
// writer go on meanwhile. The key file is in it where withKey asks for it, and
// whoever reads the file can then read what is sealed.
func (s *Store) Backup(ctx context.Context, w io.Writer, withKey bool) error {
	head := BackupHead{Created: s.clock().UTC(), Engine: s.engine.kind()}
	if withKey {
		key, err := os.ReadFile(s.key)
		if err != nil {
			return s.failure(err)
		}
		head.Key = string(key)
	}
	sum := sha256.New()
	out := io.MultiWriter(w, sum)
	if _, err := io.WriteString(out, backupMagic+backupFormat); err != nil {
		return err
	}
	z := gzip.NewWriter(out)
	buffer := bufio.NewWriter(z)
	err := s.View(ctx, func(tx *Tx) error {
		var err error
		if head.Version, err = tx.version(); err != nil {
			return err
		}
		return tx.dump(json.NewEncoder(buffer), head)
	})
	if err != nil {
		return err
	}
	if err := buffer.Flush(); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum(nil))
	return err
}

// BackupClosed is Backup for a database that no server uses. It is not migrated.
func BackupClosed(ctx context.Context, dir string, o Options, w io.Writer, withKey bool) (err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	s, err := closedStore(dir, o)
	if err != nil {
		return err
	}
	if there, err := fileExists(filepath.Join(dir, databaseFile)); err != nil || o.Database == "" && !there {
		return errors.Join(err, portvigil.Errorf(portvigil.CodeNotFound, "there is no database in %s", dir).
			WithHint("name the server's folder with --data, or its PostgreSQL with --database"))
	}
	defer func() { err = s.failure(errors.Join(err, s.Close())) }()
	if s.lock, err = lockFolder(dir); err != nil {
		return err
	}
	if _, err := s.engine.open(ctx, s); err != nil {
		return err
	}
	if err := s.engine.checkOurs(ctx, s.writer); err != nil {
		return err
	}
	made, err := s.engine.hasTable(ctx, s.writer, s.engine.versionTable())
	if err == nil && !made {
		err = portvigil.Errorf(portvigil.CodeNotFound, "the %s is empty", s.engine.name())
	}
	if err != nil {
		return err
	}
	return s.Backup(ctx, w, withKey)
}

// version is the newest migration of ours that the database has.
func (t *Tx) version() (n int64, err error) {
	err = t.row(`SELECT coalesce(max(version_id), 0) FROM ` + t.s.engine.versionTable()).Scan(&n)
	return n, err
}

func (t *Tx) dump(out *json.Encoder, head BackupHead) error {
	out.SetEscapeHTML(false)
	if err := out.Encode(head); err != nil {
		return err
	}
	tables, err := t.s.engine.tables(t.ctx, t.tx)
	if err != nil {
		return fmt.Errorf("list tables: %w", err)
	}
	end := backupEnd{Rows: map[string]int{}}
	for _, table := range tables {
		if end.Rows[table], err = t.dumpTable(out, table); err != nil {
			return fmt.Errorf("back up table %s: %w", table, err)
		}
	}
	return out.Encode(end)
}

func (t *Tx) dumpTable(out *json.Encoder, table string) (n int, err error) {
	rows, err := t.tx.QueryContext(t.ctx, `SELECT * FROM `+table)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells what went wrong
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	if err := out.Encode(backupTable{table, columns}); err != nil {
		return 0, err
	}
	for ; rows.Next(); n++ {
		row, err := scanAny(rows, len(columns))
		if err != nil {
			return n, err
		}
		if err := out.Encode(row); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

// scanAny reads a row of any types, as JSON can hold them.
func scanAny(rows *sql.Rows, columns int) ([]any, error) {
	row, into := make([]any, columns), make([]any, columns)
	for i := range row {
		into[i] = &row[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	for i, v := range row {
		switch v := v.(type) {
		case []byte:
			row[i] = blob{"bytes", append([]byte{}, v...)}
		case string:
			if !utf8.ValidString(v) {
				row[i] = blob{"text", []byte(v)}
			}
		}
	}
	return row, nil
}
