package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	compare "github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/portvigil/portvigil"
)

// upgradeSuite is what becomes of the first version's database under this one.
func upgradeSuite(t *testing.T, f first) {
	for name, test := range map[string]func(*testing.T, first){
		"all that it held is there, and what follows from it": testUpgradeKeepsAll,
		"a copy of it is kept":                                testUpgradeKeepsACopy,
		"an upgrade that was cut off goes on":                 testUpgradeThatWasCutOffGoesOn,
		"opening it again changes nothing":                    testUpgradeHappensOnce,
		"work goes on where it was left":                      testWorkGoesOnAfterAnUpgrade,
		"a backup of it restores all":                         testBackupAfterAnUpgrade,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, f)
		})
	}
}

// upgraded opens the first version's database; before is what it held.
func upgraded(t *testing.T, f first) (s *Store, before contents) {
	t.Helper()
	dir, url := f.there(t)
	before = firstContents(t, dir, url)
	return openWith(t, dir, Options{Database: url}), before
}

// holds fails the test where something of before is another now. Fields that have
// come since are no difference.
func holds(t *testing.T, s *Store, before contents) {
	t.Helper()
	now := contentsNow(t, s, before)
	for noun := range firstQueries {
		if len(before[noun]) == 0 {
			t.Errorf("the first version's database has no %s", noun)
		}
		if len(now[noun]) != len(before[noun]) {
			t.Errorf("got %d of %s, want %d", len(now[noun]), noun, len(before[noun]))
		}
		for key, want := range before[noun] {
			if diff := compare.Diff(want, known(want, now[noun][key])); diff != "" {
				t.Errorf("%s %s (-before +now):\n%s", noun, key, diff)
			}
		}
	}
}

// known is a JSON value without the fields that the other one does not have.
func known(before, now any) any {
	switch now := now.(type) {
	case map[string]any:
		fields, _ := before.(map[string]any)
		left := map[string]any{}
		for name, v := range now {
			if was, there := fields[name]; there {
				left[name] = known(was, v)
			}
		}
		return left
	case []any:
		list, _ := before.([]any)
		left := slices.Clone(now)
		for i := range min(len(left), len(list)) {
			left[i] = known(list[i], left[i])
		}
		return left
	}
	return now
}

// firstPast is what the host's views said when each of its looks had come, as
// people saw it in the first version: 8080 was open for one look, and 8081 opened
// between two. From the fifth on the host reports from inside, too.
var firstPast = []string{
	"22/tcp open, 80/tcp open",
	"22/tcp open, 80/tcp open, 8080/tcp open, 8081/tcp unknown, 8443/tcp open, 9100/tcp open",
	"22/tcp open, 80/tcp open, 8081/tcp unknown, 8443/tcp open, 9100/tcp open",
	"22/tcp open, 80/tcp open, 8081/tcp unknown, 8443/tcp open, 9100/tcp open",
	"22/tcp open, 22/tcp open, 80/tcp open, 8081/tcp unknown, 8443/tcp open, 9100/tcp open, 123/udp open",
	"22/tcp open, 22/tcp open, 80/tcp open, 8081/tcp open, 8443/tcp open, 9100/tcp open, 123/udp open",
}

func testUpgradeKeepsAll(t *testing.T, f first) {
	s, before := upgraded(t, f)
	holds(t, s, before)
	hasFirstPast(t, s)
	view(t, s, func(tx *Tx) error {
		c, err := tx.Channel("ops")
		if want := "whsec_Zmlyc3QtZGF0YWJhc2Utc2VjcmV0LTMyLWJ5dGVzIQ=="; !strings.Contains(string(c.Secret), want) {
			t.Errorf("the channel's secret: got %q, want %q in it", c.Secret, want)
		}
		return err
	})
}

func hasFirstPast(t *testing.T, s *Store) {
	t.Helper()
	h, looks := firstHost(t, s)
	var past []string
	for _, l := range looks {
		past = append(past, pastText(t, s, h, l.Received))
	}
	same(t, past, firstPast)
}

// firstHost returns the only host, and its looks in their order.
func firstHost(t *testing.T, s *Store) (h portvigil.Host, looks []*portvigil.Look) {
	t.Helper()
	view(t, s, func(tx *Tx) (err error) {
		if h, err = tx.Host("web1"); err != nil {
			return err
		}
		trails, err := tx.Trails(h.ID)
		for _, trail := range trails {
			list, err := tx.Looks(h.ID, trail.Key)
			if err != nil {
				return err
			}
			looks = append(looks, list...)
		}
		return err
	})
	slices.SortFunc(looks, func(a, b *portvigil.Look) int { return cmp.Compare(a.Seq, b.Seq) })
	return h, looks
}

func testUpgradeKeepsACopy(t *testing.T, f first) {
	s, before := upgraded(t, f)
	update(t, s, func(tx *Tx) error { return tx.PutSetting("seq", "99") }) // not in the copy
	hasFirstCopy(t, f, s.dir, before)
}

// hasFirstCopy fails the test unless the copy in the folder brings back what was
// there before, under this version as well.
func hasFirstCopy(t *testing.T, f first, dir string, before contents) {
	t.Helper()
	copies, err := filepath.Glob(filepath.Join(dir, "*.bak-1"))
	if err != nil || !slices.Equal(copies, []string{filepath.Join(dir, f.saved)}) {
		t.Fatalf("got the copies %v, %v, want %s", copies, err, f.saved)
	}
	if info, err := os.Stat(copies[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: got %v, %v, want mode 0600", info, err)
	}
	back := f.back(t, copies[0], dir)
	holds(t, back, before)
	hasFirstPast(t, back)
}

// testUpgradeThatWasCutOffGoesOn stops after each of an upgrade's transactions, as
// a crash does: what is in the middle of one leaves no trace.
func testUpgradeThatWasCutOffGoesOn(t *testing.T, f first) {
	versions := func(s *Store) (*goose.Provider, *rivermigrate.Migrator[*sql.Tx]) {
		ours, jobs, err := s.migrations()
		if err != nil {
			t.Fatal(err)
		}
		return ours, jobs
	}
	cuts := map[string]func(*Store) error{
		"when the copy was made": func(*Store) error { return nil },
		"amid the intervals": func(s *Store) error {
			ours, jobs := versions(s)
			if err := migrateUp(t.Context(), ours, jobs); err != nil {
				return err
			}
			h, looks := firstHost(t, s)
			return s.Update(t.Context(), func(tx *Tx) error { return tx.replayHistory(h.ID, looks[0].Key()) })
		},
	}
	for version := range int64(latest(t)) {
		cuts[fmt.Sprintf("at version %d", version+1)] = func(s *Store) error {
			ours, _ := versions(s)
			_, err := ours.UpTo(t.Context(), version+1)
			return err
		}
	}
	for name, cut := range cuts {
		t.Run(name, func(t *testing.T) {
			dir, url := f.there(t)
			before := firstContents(t, dir, url)
			s, err := closedStore(dir, Options{Database: url})
			if err == nil {
				_, err = s.engine.open(t.Context(), s)
			}
			if err := errors.Join(err, s.engine.save(t.Context(), s, 1), cut(s), s.Close()); err != nil {
				t.Fatal(err)
			}
			again := openWith(t, dir, Options{Database: url})
			holds(t, again, before)
			hasFirstPast(t, again)
			hasFirstCopy(t, f, dir, before)
		})
	}
}

// latest is the version of this program's tables: its number of migrations.
func latest(t *testing.T) int {
	t.Helper()
	files, err := sqliteMigrations.ReadDir("migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

func testUpgradeHappensOnce(t *testing.T, f first) {
	dir, url := f.there(t)
	var rows [2][]string
	for i := range rows {
		s, err := Open(t.Context(), dir, Options{Database: url})
		if err != nil {
			t.Fatal(err)
		}
		rows[i] = rowsOf(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	same(t, rows[1], rows[0])
	if copies, err := filepath.Glob(filepath.Join(dir, "*.bak-*")); err != nil || len(copies) != 1 {
		t.Errorf("got the copies %v, %v, want one", copies, err)
	}
}

// testWorkGoesOnAfterAnUpgrade delivers the message that the first version could
// not, once, and takes the next look.
func testWorkGoesOnAfterAnUpgrade(t *testing.T, f first) {
	s, _ := upgraded(t, f)
	var queued []portvigil.Delivery
	view(t, s, func(tx *Tx) (err error) { queued, err = tx.QueuedDeliveries(); return err })
	if len(queued) != 1 {
		t.Fatalf("got %d messages that wait, want one", len(queued))
	}
	d := newDesk()
	stop := work(t, s, Workers{Deliver: d.workers().Deliver, Look: func(context.Context, string) error { return nil }})
	c := next(t, d.deliver)
	if c.id != queued[0].ID {
		t.Errorf("delivered is %s, want %s", c.id, queued[0].ID)
	}
	c.answer <- nil
	if states := finished(t, s, deliverKind); slices.ContainsFunc(states, func(s string) bool { return s != "completed" }) {
		t.Errorf("the messages' jobs ended %v", states)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	h, looks := firstHost(t, s)
	l := outsideLook(0, "192.0.2.10")
	l.Host, l.Vantage, l.Received = h.Name, looks[0].Vantage, looks[len(looks)-1].Received.Add(time.Hour)
	l.Observations = []portvigil.Observation{{Port: 22, State: portvigil.StateOpen}}
	update(t, s, func(tx *Tx) (err error) {
		if l.Seq, err = tx.NextSeq(); err != nil {
			return err
		}
		return tx.AddLook(h.ID, l)
	})
	if l.Seq <= looks[len(looks)-1].Seq {
		t.Errorf("the next look has number %d, want one above %d", l.Seq, looks[len(looks)-1].Seq)
	}
	if got, want := pastText(t, s, h, l.Received), "22/tcp open, 22/tcp open, 123/udp open"; got != want {
		t.Errorf("after the next look: got %q, want %q", got, want)
	}
}

func testBackupAfterAnUpgrade(t *testing.T, f first) {
	s, before := upgraded(t, f)
	backup, dir := backedUp(t, s, true), t.TempDir()
	if _, err := Restore(t.Context(), dir, backup, RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	restored := openIn(t, dir)
	holds(t, restored, before)
	hasFirstPast(t, restored)
	// Either database has an order of its own.
	same(t, slices.Sorted(slices.Values(rowsOf(t, restored))), slices.Sorted(slices.Values(rowsOf(t, s))))
}
