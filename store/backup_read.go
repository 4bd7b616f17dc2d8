package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/portvigil/portvigil"
)

// BackupContents is what a backup has, as a whole reading of it found.
type BackupContents struct {
	BackupHead
	Rows map[string]int // by table

	secrets []string // names of channels that have one
	factors []string // names of users whose second factor has one
	check   string   // by which the key is known that they are sealed under
}

// backupReader is told what a reading of a backup finds.
type backupReader struct {
	head func(BackupHead) error
	row  func(t backupTable, row []any) error
}

// VerifyBackup reads the whole of a backup: its sum, its form, its counts, and that
// every row of a host has its host. It returns an Error that says that the file
// is damaged, no backup, or of a newer version.
func VerifyBackup(f io.ReadSeeker) (BackupContents, error) {
	var c BackupContents
	if err := checkSum(f); err != nil {
		return c, err
	}
	hosts := map[any]bool{}
	rows, err := readBackup(f, backupReader{
		head: func(h BackupHead) error { c.BackupHead = h; return nil },
		row: func(t backupTable, row []any) error {
			id, isText := t.of(row, "host_id").(string)
			switch {
			case t.Table == "hosts":
				hosts[t.of(row, "id")] = true
			case isText && !hosts[id]:
				return fmt.Errorf("a row of table %s belongs to a host that is not in it", t.Table)
			case t.Table == "channels" && t.of(row, "secret") != nil:
				c.secrets = append(c.secrets, fmt.Sprint(t.of(row, "name")))
			case t.Table == "users" && t.of(row, "factor") != nil:
				c.factors = append(c.factors, fmt.Sprint(t.of(row, "name")))
			case t.Table == "settings" && t.of(row, "key") == keyCheck:
				c.check, _ = t.of(row, "value").(string)
			}
			return nil
		},
	})
	c.Rows = rows
	return c, err
}

// of returns the row's value in a column, nil where there is none.
func (t backupTable) of(row []any, column string) any {
	if i := slices.Index(t.Columns, column); i >= 0 {
		return row[i]
	}
	return nil
}

// checkSum compares the sum at the file's end with the one of what precedes it.
func checkSum(f io.ReadSeeker) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	magic := make([]byte, len(backupMagic+backupFormat))
	if _, err := io.ReadFull(f, magic); err != nil || string(magic[:len(backupMagic)]) != backupMagic {
		return portvigil.Errorf(portvigil.CodeInvalid, "the file is no backup of portvigil").
			WithHint("name a file that was written by: portvigil backup FILE")
	}
	sum := sha256.New()
	_, _ = sum.Write(magic) // a hash never fails
	if _, err := io.CopyN(sum, f, max(0, size-sha256.Size-int64(len(magic)))); err != nil {
		return err
	}
	want, err := io.ReadAll(io.LimitReader(f, sha256.Size+1))
	if err != nil {
		return err
	}
	if !bytes.Equal(want, sum.Sum(nil)) {
		return damaged("its sum does not match")
	}
	if string(magic[len(backupMagic):]) != backupFormat {
		return portvigil.Errorf(portvigil.CodeConflict, "the backup was written by a newer portvigil, in a form that this one does not know").
			WithHint("use that newer portvigil")
	}
	return nil
}

func damaged(what string) error {
	return portvigil.Errorf(portvigil.CodeInvalid, "the backup is damaged or cut off: %s", what).
		WithHint("nothing was changed; use another copy of it, or an older backup")
}

// readBackup reads the lines of a backup whose sum is right, and returns how many
// rows each table has.
func readBackup(f io.ReadSeeker, r backupReader) (map[string]int, error) {
	if _, err := f.Seek(int64(len(backupMagic+backupFormat)), io.SeekStart); err != nil {
		return nil, err
	}
	in := bufio.NewReader(f)
	z, err := gzip.NewReader(in)
	if err != nil {
		return nil, damaged(err.Error())
	}
	z.Multistream(false) // the sum follows
	lines := json.NewDecoder(z)
	lines.UseNumber()
	var head BackupHead
	if err := lines.Decode(&head); err != nil {
		return nil, damaged(err.Error())
	}
	if err := r.head(head); err != nil {
		return nil, err
	}
	return readTables(lines, r)
}

func readTables(lines *json.Decoder, r backupReader) (map[string]int, error) {
	counted := map[string]int{}
	var table backupTable
	for {
		var line json.RawMessage
		if err := lines.Decode(&line); err != nil {
			return nil, damaged(err.Error())
		}
		if line[0] == '[' {
			row, err := cells(line)
			if err != nil || len(row) != len(table.Columns) {
				return nil, damaged("a row of table " + table.Table + " cannot be read")
			}
			counted[table.Table]++
			if err := r.row(table, row); err != nil {
				return nil, wrong(err)
			}
			continue
		}
		var next struct {
			backupTable
			backupEnd
		}
		if err := json.Unmarshal(line, &next); err != nil {
			return nil, damaged(err.Error())
		}
		if next.Rows != nil {
			if !maps.Equal(counted, next.Rows) {
				return nil, damaged("its tables have other rows than it says")
			}
			return counted, nil
		}
		table = next.backupTable
		counted[table.Table] = 0
	}
}

// wrong tells an error that is not told yet.
func wrong(err error) error {
	var known *portvigil.Error
	if errors.As(err, &known) {
		return err
	}
	return damaged(err.Error())
}

// cells reads a row's values back.
func cells(line json.RawMessage) ([]any, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var row []any
	if err := d.Decode(&row); err != nil {
		return nil, err
	}
	for i, v := range row {
		switch v := v.(type) {
		case json.Number:
			n, err := v.Int64()
			if err != nil {
				return nil, err
			}
			row[i] = n
		case map[string]any:
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			var b blob
			if err := json.Unmarshal(text, &b); err != nil {
				return nil, err
			}
			if row[i] = b.Data; b.Kind == "text" {
				row[i] = string(b.Data)
			}
		case nil, string:
		default:
			return nil, fmt.Errorf("a value is a %T", v)
		}
	}
	return row, nil
}
