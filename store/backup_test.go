package store

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// furnished puts a row into every table.
func furnished(t *testing.T, s *Store) portvigil.Host {
	t.Helper()
	h := addHost(t, s, "db1")
	first, second := outsideLook(1, "192.0.2.1"), outsideLook(2, "192.0.2.1")
	first.Observations = []portvigil.Observation{{Port: 22, State: portvigil.StateOpen, Service: &portvigil.Service{Name: "ssh", Banner: []byte("\x00\xff\x1b")}}}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, first), tx.AddLook(h.ID, second), tx.PutTrail(h.ID, portvigil.Replay([]*portvigil.Look{first, second})),
			tx.PutAlert(portvigil.Alert{ID: portvigil.NewID(), Host: h.Name, State: portvigil.AlertNew, Text: "ünïcode \u2028 <&>"}),
			tx.AddAudit(portvigil.AuditEntry{ID: portvigil.NewID(), Alert: "a", Text: "x"}),
			tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: "db1", Version: 1, Text: "version: 1\n"}),
			tx.PutChannel(channel("a")), tx.AddDelivery(delivery("a", 1)), tx.AddRequest(request(h, 1)), tx.PutSetting("key", "value"),
			tx.AddUser(userWithFactor("ann")))
	})
	return h
}

// backedUp is a backup of the store, in memory.
func backedUp(t *testing.T, s *Store, withKey bool) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	if err := s.Backup(t.Context(), &b, withKey); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

// rowsOf is every row of every table but settings, as a backup would write them.
func rowsOf(t *testing.T, s *Store) (rows []string) {
	t.Helper()
	_, err := readBackup(backedUp(t, s, false), backupReader{
		head: func(BackupHead) error { return nil },
		row: func(table backupTable, row []any) error {
			if table.Table != "settings" {
				rows = append(rows, fmt.Sprint(table.Table, table.Columns, row))
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// testBackup restores into a database of either kind what was in this one.
func testBackup(t *testing.T, from database, into map[string]func(t *testing.T) string) {
	s := from.open(t, Options{})
	furnished(t, s)
	want := rowsOf(t, s)
	backup := backedUp(t, s, true)
	for name, database := range into {
		t.Run(name, func(t *testing.T) {
			dir, o := t.TempDir(), RestoreOptions{Database: database(t)}
			r, err := Restore(t.Context(), dir, bytes.NewReader(readAll(t, backup)), o)
			if err != nil || r.Kept != "" || r.Rows["looks"] != 2 {
				t.Fatalf("got %+v, %v", r, err)
			}
			_, err = Restore(t.Context(), dir, bytes.NewReader(readAll(t, backup)), o)
			is(t, err, portvigil.CodeConflict)
			o.Force = true
			if r, err = Restore(t.Context(), dir, bytes.NewReader(readAll(t, backup)), o); err != nil || r.Kept == "" {
				t.Fatalf("by force: got %+v, %v", r, err)
			}
			if info, err := os.Stat(r.Kept); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the copy of what was there: got %v, %v, want mode 0600", info, err)
			}
			restored := openWith(t, dir, Options{Database: o.Database})
			same(t, rowsOf(t, restored), want)
			view(t, restored, func(tx *Tx) error {
				c, err := tx.Channel("a")
				same(t, c.Secret, channel("a").Secret)
				return err
			})
		})
	}
}

func readAll(t *testing.T, r *bytes.Reader) []byte {
	t.Helper()
	b := make([]byte, r.Size())
	if _, err := r.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestABackupThatIsHarmedAnywhereIsRefused(t *testing.T) {
	t.Parallel()
	s := openIn(t, t.TempDir())
	furnished(t, s)
	whole := readAll(t, backedUp(t, s, false))
	if _, err := VerifyBackup(bytes.NewReader(whole)); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		harmed := bytes.Clone(whole)
		at := rapid.IntRange(0, len(whole)-1).Draw(rt, "at")
		switch rapid.IntRange(0, 3).Draw(rt, "harm") {
		case 0:
			harmed[at] ^= rapid.ByteRange(1, 255).Draw(rt, "bits")
		case 1:
			harmed = harmed[:at]
		case 2:
			harmed = append(harmed, rapid.SliceOfN(rapid.Byte(), 1, 50).Draw(rt, "more")...)
		case 3:
			harmed = append(harmed[:at], harmed[at+1:]...)
		}
		_, err := VerifyBackup(bytes.NewReader(harmed))
		if portvigil.ErrorCode(err) != portvigil.CodeInvalid || strings.Contains(err.Error(), "\n") {
			rt.Errorf("got %v, want it refused in one line", err)
		}
	})
	// Every cut near both ends, where the parts meet.
	for _, at := range append(upTo(0, 200), upTo(len(whole)-200, len(whole)-1)...) {
		if _, err := VerifyBackup(bytes.NewReader(whole[:at])); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("cut off at %d of %d: got %v", at, len(whole), err)
		}
	}
}

func upTo(from, to int) (list []int) {
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	return list
}

// written makes a backup of these lines, with a sum that is right.
func written(t testing.TB, lines ...string) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(backupMagic + backupFormat)
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(strings.Join(lines, "\n")))
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(sum[:])
	return bytes.NewReader(b.Bytes())
}

func TestABackupThatContradictsItselfChangesNothing(t *testing.T) {
	t.Parallel()
	host := `["default","1","db1","{}"]`
	hosts := `{"table":"hosts","columns":["org","id","name","body"]}`
	for name, test := range map[string]struct {
		lines []string
		code  portvigil.Code
		says  string
	}{
		"nothing in it":            {nil, portvigil.CodeInvalid, "damaged"},
		"no head":                  {[]string{`[1]`}, portvigil.CodeInvalid, "damaged"},
		"no end":                   {[]string{`{"version":2}`, hosts, host}, portvigil.CodeInvalid, "damaged"},
		"another count":            {[]string{`{"version":2}`, hosts, host, `{"rows":{"hosts":2}}`}, portvigil.CodeInvalid, "other rows"},
		"a table that is not said": {[]string{`{"version":2}`, hosts, host, `{"rows":{}}`}, portvigil.CodeInvalid, "other rows"},
		"a row too short":          {[]string{`{"version":2}`, hosts, `["default"]`, `{"rows":{"hosts":1}}`}, portvigil.CodeInvalid, "cannot be read"},
		"a value of no kind":       {[]string{`{"version":2}`, hosts, `["default","1","db1",[]]`, `{"rows":{"hosts":1}}`}, portvigil.CodeInvalid, "cannot be read"},
		"a row without its host": {[]string{`{"version":2}`, hosts, host, `{"table":"trails","columns":["org","host_id","body"]}`, `["default","2",""]`,
			`{"rows":{"hosts":1,"trails":1}}`}, portvigil.CodeInvalid, "belongs to a host that is not in it"},
		"a newer version": {[]string{`{"version":999}`, hosts, host, `{"rows":{"hosts":1}}`}, portvigil.CodeConflict, "newer portvigil"},
		"a table of its own": {[]string{`{"version":2}`, `{"table":"hosts; DROP TABLE looks","columns":["org"]}`, `["x"]`,
			`{"rows":{"hosts; DROP TABLE looks":1}}`}, portvigil.CodeInvalid, "a table that its version does not have"},
		"a column of its own": {[]string{`{"version":2}`, `{"table":"hosts","columns":["org","id","name","bodies"]}`, host, `{"rows":{"hosts":1}}`},
			portvigil.CodeInvalid, "other columns"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before, err := Open(t.Context(), dir, Options{})
			if err != nil {
				t.Fatal(err)
			}
			addHost(t, before, "db0")
			want := rowsOf(t, before)
			if err := before.Close(); err != nil {
				t.Fatal(err)
			}
			_, err = Restore(t.Context(), dir, written(t, test.lines...), RestoreOptions{Force: true})
			is(t, err, test.code)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
			same(t, rowsOf(t, openIn(t, dir)), want)
			if left, err := filepath.Glob(filepath.Join(dir, "restore-*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestABackupsSecretsNeedTheirKey(t *testing.T) {
	t.Parallel()
	old := t.TempDir()
	s := openIn(t, old)
	furnished(t, s)
	backup := readAll(t, backedUp(t, s, false))
	if bytes.Contains(backup, channel("a").Secret) {
		t.Error("the secret stands in the backup")
	}
	dir := t.TempDir()
	_, err := Restore(t.Context(), dir, bytes.NewReader(backup), RestoreOptions{})
	is(t, err, portvigil.CodeInvalid)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, keyFile)) {
		t.Errorf("got %v, want to be told where the key goes", err)
	}
	r, err := Restore(t.Context(), dir, bytes.NewReader(backup), RestoreOptions{WithoutSecrets: true})
	if err != nil || len(r.Secretless) != 1 || r.Secretless[0] != "a" {
		t.Fatalf("got %+v, %v, want channel a named", r, err)
	}
	without := openIn(t, dir)
	view(t, without, func(tx *Tx) error {
		c, err := tx.Channel("a")
		if len(c.Secret) > 0 {
			t.Error("a secret came from somewhere")
		}
		return err
	})
	withKey := t.TempDir()
	key, err := os.ReadFile(filepath.Join(old, keyFile))
	if err == nil {
		err = os.WriteFile(filepath.Join(withKey, keyFile), key, 0o600)
	}
	if err == nil {
		_, err = Restore(t.Context(), withKey, bytes.NewReader(backup), RestoreOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	view(t, openIn(t, withKey), func(tx *Tx) error {
		c, err := tx.Channel("a")
		same(t, c.Secret, channel("a").Secret)
		return err
	})
}

func TestADamagedDatabaseIsReplacedByForce(t *testing.T) {
	t.Parallel()
	dir := made(t)
	s := openIn(t, t.TempDir())
	furnished(t, s)
	backup := readAll(t, backedUp(t, s, true))
	overwrite(t, dir, databaseFile, func(b []byte) []byte { return b[:len(b)/2/4096*4096] })
	_, err := Restore(t.Context(), dir, bytes.NewReader(backup), RestoreOptions{})
	if err == nil {
		t.Error("it was replaced without being asked to")
	}
	r, err := Restore(t.Context(), dir, bytes.NewReader(backup), RestoreOptions{Force: true})
	if err != nil || r.Kept == "" {
		t.Fatalf("got %+v, %v", r, err)
	}
	same(t, rowsOf(t, openIn(t, dir)), rowsOf(t, s))
}

func TestABackupOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "none")
	is(t, BackupClosed(t.Context(), dir, Options{}, new(bytes.Buffer), false), portvigil.CodeNotFound)
	if there, err := fileExists(dir); there || err != nil {
		t.Errorf("it made the folder: %v", err)
	}
	is(t, BackupClosed(t.Context(), made(t), Options{}, new(bytes.Buffer), true), "")
	running := t.TempDir()
	openIn(t, running)
	is(t, BackupClosed(t.Context(), running, Options{}, new(bytes.Buffer), true), portvigil.CodeConflict)
}

// FuzzVerifyBackup reads what has the right sum and any content: it is refused or
// it is whole, and never ends the program.
func FuzzVerifyBackup(f *testing.F) {
	f.Add(`{"version":2}` + "\n" + `{"table":"hosts","columns":["org","id"]}` + "\n" + `["default",1]` + "\n" + `{"rows":{"hosts":1}}`)
	f.Add(`{"version":2}` + "\n" + `["x"]`)
	f.Add(`{"version":2}` + "\n" + `{"table":"channels","columns":["secret","name"]}` + "\n" + `[{"kind":"bytes","data":"AA=="},null]`)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := VerifyBackup(written(t, text))
		if code := portvigil.ErrorCode(err); err != nil && code != portvigil.CodeInvalid {
			t.Errorf("got %q: %v", code, err)
		}
		if err == nil && c.Rows == nil {
			t.Error("a whole backup has no counts")
		}
	})
}
