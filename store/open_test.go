package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

func openIn(t *testing.T, dir string) *Store {
	t.Helper()
	return openWith(t, dir, Options{})
}

func openWith(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// made is a data folder with one channel in it, closed again.
func made(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error { return tx.PutChannel(channel("a")) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// execute runs statements on a closed folder's database.
func execute(t *testing.T, dir string, statements ...string) {
	t.Helper()
	db, err := openWriter(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		harm func(t *testing.T, dir string)
		code portvigil.Code
		says string
	}{
		"a database of a newer version": {func(t *testing.T, dir string) {
			execute(t, dir, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)`)
		}, portvigil.CodeConflict, "newer portvigil"},
		"job tables of a newer version": {func(t *testing.T, dir string) {
			execute(t, dir, `INSERT INTO river_migration (line, version) VALUES ('main', 99)`)
		}, portvigil.CodeConflict, "newer portvigil"},
		"another program's database": {func(t *testing.T, dir string) {
			execute(t, dir, `PRAGMA application_id = 7`)
		}, portvigil.CodeInvalid, "another program's database"},
		"a file that is no database": {func(t *testing.T, dir string) {
			overwrite(t, dir, databaseFile, func([]byte) []byte { return []byte("<html>Not found</html>\n") })
		}, portvigil.CodeInvalid, "is not a database"},
		"a file that is cut off in its header": {func(t *testing.T, dir string) {
			overwrite(t, dir, databaseFile, func(b []byte) []byte { return b[:7] })
		}, portvigil.CodeInvalid, "is not a database"},
		"a file that is cut off half-way": {func(t *testing.T, dir string) {
			overwrite(t, dir, databaseFile, func(b []byte) []byte { return b[:len(b)/2/4096*4096] })
		}, portvigil.CodeInternal, "is damaged"},
		"a file whose pages are overwritten": {func(t *testing.T, dir string) {
			overwrite(t, dir, databaseFile, func(b []byte) []byte {
				return append(b[:100], bytes.Repeat([]byte{0xff}, len(b)-100)...)
			})
		}, portvigil.CodeInternal, "is damaged"},
		"another key": {func(t *testing.T, dir string) {
			overwrite(t, dir, keyFile, func(b []byte) []byte { return bytes.Repeat([]byte("ab"), keyBytes) })
		}, portvigil.CodeUnavailable, "does not belong to this database"},
		"half a key": {func(t *testing.T, dir string) {
			overwrite(t, dir, keyFile, func(b []byte) []byte { return b[:20] })
		}, portvigil.CodeInvalid, "is not 32 bytes in hexadecimal"},
		"a lost key": {func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
				t.Fatal(err)
			}
		}, portvigil.CodeUnavailable, "is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := made(t)
			test.harm(t, dir)
			for range 2 { // the second time shows that the first left the folder free
				_, err := Open(t.Context(), dir, Options{})
				is(t, err, test.code)
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v, want one line with %q", err, test.says)
				}
			}
		})
	}
}

func TestAKeyFileOfAnotherPlaceIsUsedAndNeverMade(t *testing.T) {
	t.Parallel()
	dir, key := made(t), filepath.Join(t.TempDir(), "key")
	_, err := Open(t.Context(), dir, Options{KeyFile: key})
	is(t, err, portvigil.CodeUnavailable)
	if inFolder := filepath.Join(dir, keyFile); !strings.Contains(fmt.Sprint(err), key+" is missing") || !strings.Contains(fmt.Sprint(err), "move "+inFolder+" there") {
		t.Errorf("got %v, want what is missing and where it is", err)
	}
	_, err = Open(t.Context(), t.TempDir(), Options{KeyFile: key})
	is(t, err, portvigil.CodeNotFound)
	if _, err := os.Stat(key); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key file: %v, want that nobody made it", err)
	}

	if err := os.Rename(filepath.Join(dir, keyFile), key); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir, Options{KeyFile: key})
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	err = errors.Join(s.Backup(t.Context(), &backup, true), s.Close())
	if err != nil {
		t.Fatal(err)
	}
	// A new machine has neither: the backup brings the key to where it is to be.
	dir, key = t.TempDir(), filepath.Join(t.TempDir(), "key")
	if _, err := Restore(t.Context(), dir, bytes.NewReader(backup.Bytes()), RestoreOptions{KeyFile: key}); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), dir, Options{KeyFile: key}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, keyFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the key of the data folder: %v, want none", err)
	}
}

func TestASecondServerOnOneFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	_, err := Open(t.Context(), dir, Options{})
	is(t, err, portvigil.CodeConflict)
	update(t, s, func(tx *Tx) error { return tx.PutSetting("a", "b") })
}

func TestAFolderThatIsAFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), path, Options{})
	is(t, err, portvigil.CodeInvalid)
}

func TestALostKeyIsMadeAnewWhereNothingIsSealed(t *testing.T) {
	t.Parallel()
	dir := made(t)
	execute(t, dir, `DELETE FROM channels`)
	if err := os.Remove(filepath.Join(dir, keyFile)); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := channel("b")
	update(t, s, func(tx *Tx) error { return tx.PutChannel(want) })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	view(t, openIn(t, dir), func(tx *Tx) error {
		got, err := tx.Channel("b")
		same(t, got, want)
		return err
	})
}

func TestFilesAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data ?%23")
	s := openIn(t, dir)
	update(t, s, func(tx *Tx) error { return tx.PutSetting("a", "b") })
	if err := (sqlite{dir}).copyTo(t.Context(), filepath.Join(dir, "copy")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 5 {
		t.Fatalf("got %v, %v, want database, log, index, key, lock and copy", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got mode %v, %v, want 0600", f.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: got %v, %v, want 0700", info.Mode(), err)
	}
}

func TestAnOlderDatabaseIsCopiedAndMigrated(t *testing.T) {
	t.Parallel()
	dir := made(t)
	db, err := openWriter(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	m, err := rivermigrate.New(riversqlite.New(db), nil)
	if err == nil {
		_, err = m.Migrate(t.Context(), rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{MaxSteps: 1})
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	s := openIn(t, dir)
	update(t, s, func(tx *Tx) error { return tx.AddDelivery(delivery("a", 1)) })
	saved, err := filepath.Glob(filepath.Join(dir, databaseFile+".bak-*"))
	if err != nil || len(saved) != 1 {
		t.Fatalf("got the backups %v, %v, want one", saved, err)
	}
	backup, err := sql.Open("sqlite", dataSource(saved[0], nil))
	if err != nil {
		t.Fatal(err)
	}
	var names string
	err = backup.QueryRowContext(t.Context(), `SELECT name FROM channels`).Scan(&names)
	if err := errors.Join(err, backup.Close()); err != nil || names != "a" {
		t.Errorf("backup: got %q, %v, want the channel as it was", names, err)
	}
}

func TestABackupIsWholeWhileOthersWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	ctx, cancel := context.WithCancel(t.Context())
	wrote := make(chan error, 1)
	go func() {
		var err error
		for i := 0; err == nil && ctx.Err() == nil; i++ {
			err = s.Update(t.Context(), func(tx *Tx) error {
				_, err := tx.NextSeq()
				return errors.Join(err, tx.PutHost(host(portvigil.NewID())))
			})
		}
		wrote <- err
	}()
	restored := t.TempDir()
	for range 3 {
		if err := (sqlite{dir}).copyTo(t.Context(), filepath.Join(restored, databaseFile)); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := <-wrote; err != nil {
		t.Error(err)
	}
	view(t, openIn(t, restored), func(tx *Tx) error {
		var check string
		err := tx.tx.QueryRowContext(tx.ctx, `PRAGMA quick_check`).Scan(&check)
		seq, err2 := tx.Setting(seqSetting)
		var n string
		err3 := tx.tx.QueryRowContext(tx.ctx, `SELECT CASE count(*) WHEN 0 THEN '' ELSE count(*) || '' END FROM hosts`).Scan(&n)
		if check != "ok" || n != seq {
			t.Errorf("got check %q, %s hosts and number %s, want as many hosts as numbers", check, n, seq)
		}
		return errors.Join(err, err2, err3)
	})
}

// TestWhatWasCommittedOutlivesACrash copies the files of a running store, which
// is what a power cut leaves.
func TestWhatWasCommittedOutlivesACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	h := addHost(t, s, "db1")
	look := outsideLook(1, "192.0.2.1")
	look.Host = h.Name
	update(t, s, func(tx *Tx) error { return tx.AddLook(h.ID, look) })
	view(t, openIn(t, crashImage(t, dir)), func(tx *Tx) error {
		got, err := tx.Looks(h.ID, look.Key())
		same(t, got, []*portvigil.Look{look})
		return err
	})
}

func TestALostWriteAheadLogIsTold(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		left func(t *testing.T, dir string) // what is to be opened
		told bool
	}{
		"the log was removed after a crash": {func(t *testing.T, dir string) {
			if err := errors.Join(os.WriteFile(filepath.Join(dir, lockFile), []byte("7\n"), 0o600), os.Remove(filepath.Join(dir, databaseFile+"-wal"))); err != nil {
				t.Fatal(err)
			}
		}, true},
		"a crash": {func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, lockFile), []byte("7\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, false},
		"a copy without the lock": {func(*testing.T, string) {}, false},
		"an end in order": {func(t *testing.T, dir string) {
			s, err := Open(t.Context(), dir, Options{})
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := openIn(t, dir)
			addHost(t, s, "db1")
			dir = crashImage(t, dir)
			test.left(t, dir)
			var log bytes.Buffer
			s, err := Open(t.Context(), dir, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if told := strings.Contains(log.String(), "write-ahead log is gone"); told != test.told {
				t.Errorf("told: %v, want %v; the log says %q", told, test.told, log.String())
			}
		})
	}
}

// crashImage copies the database first and the log after it, which only grows
// until SQLite moves its first 1,000 pages into the database.
func crashImage(t *testing.T, dir string) string {
	t.Helper()
	image := t.TempDir()
	for _, name := range []string{databaseFile, databaseFile + "-wal", keyFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(image, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return image
}

// smallDisk mounts a file system of its own, which takes root.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a small file system")
	}
	dir := t.TempDir()
	err := unix.Mount("portvigil-test", dir, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") != "true" {
		t.Skip("needs CAP_SYS_ADMIN: mounts a small file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "4m")
	s := openIn(t, dir)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Repeat("x", 20_000)
	stored := 0
	var err error
	for err == nil {
		err = s.Update(t.Context(), func(tx *Tx) error {
			return tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: "db1", Version: stored + 1, Text: text})
		})
		if err == nil {
			stored++
		}
	}
	is(t, err, portvigil.CodeUnavailable)
	if !strings.Contains(err.Error(), "the disk that holds "+dir+" is full") {
		t.Errorf("got %v", err)
	}
	version := func() (n int) {
		view(t, s, func(tx *Tx) error {
			v, err := tx.Baseline("host", "db1")
			n = v.Version
			return err
		})
		return n
	}
	if n := version(); n != stored || n == 0 {
		t.Errorf("got version %d, want %d", n, stored)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error {
		return tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: "db1", Version: stored + 1, Text: text})
	})
	if n := version(); n != stored+1 {
		t.Errorf("got version %d after there was space again, want %d", n, stored+1)
	}
}

func TestAFullDiskAtTheFirstStartIsTold(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "4m")
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 4<<20-32<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir, Options{})
	if err == nil || !strings.Contains(err.Error(), "is full") {
		t.Errorf("got %v, want to be told that the disk is full", err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	update(t, openIn(t, dir), func(tx *Tx) error { return tx.PutSetting("a", "b") })
}

func TestAFolderThatCannotBeWrittenIsTold(t *testing.T) {
	t.Parallel()
	dir, says := "", "is read-only"
	if os.Geteuid() == 0 { // root passes every mode
		dir = smallDisk(t, "4m")
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
	} else {
		dir, says = t.TempDir(), "permission denied in"
		if err := os.Chmod(dir, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(t.Context(), dir, Options{})
	is(t, err, portvigil.CodeUnavailable)
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want %q", err, says)
	}
}

func TestALockOfAnotherProgramIsWaitedForAndTold(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openIn(t, dir)
	other, err := openWriter(filepath.Join(dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		wrote <- s.Update(t.Context(), func(tx *Tx) error { return tx.PutSetting("a", "b") })
	}()
	if err := errors.Join(tx.Rollback(), other.Close(), <-wrote); err != nil {
		t.Error(err)
	}
}

// BenchmarkLook stores what a look at all ports found: 60 open doors.
func BenchmarkLook(b *testing.B) {
	s, err := Open(b.Context(), b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := host("db1")
	if err := s.Update(b.Context(), func(tx *Tx) error { return tx.PutHost(h) }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		look := outsideLook(1, "192.0.2.1")
		for port := range uint16(60) {
			look.Observations = append(look.Observations, portvigil.Observation{Port: port + 1, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck,
				Service: &portvigil.Service{Name: "http", Product: "nginx", Version: "1.26.0", Banner: bytes.Repeat([]byte("x"), 400)}})
		}
		if err := s.Update(b.Context(), func(tx *Tx) error { return tx.AddLook(h.ID, look) }); err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
