package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/portvigil/portvigil"
)

func userWithFactor(name string) portvigil.User {
	return portvigil.User{ID: portvigil.NewID(), Name: name, Version: 1, Added: at(0), Changed: at(0), By: "root", Password: "$argon2id$" + name,
		Factor: &portvigil.Factor{Since: at(1), Secret: []byte("very-secret\x00\xff"), Used: 100, Recovery: [][]byte{{0, 1}, {0xff, 2}}}}
}

func testFactor(t *testing.T, s *Store) {
	ann, bob := userWithFactor("ann"), portvigil.User{ID: portvigil.NewID(), Name: "bob", Version: 1, Added: at(0), Changed: at(0)}
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddUser(ann), tx.AddUser(bob)) })
	has := func(want ...portvigil.User) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			all, err := tx.Users()
			same(t, all, want)
			return err
		})
	}
	has(ann, bob)
	view(t, s, func(tx *Tx) error {
		var body, factor string
		err := tx.row(`SELECT body, factor FROM users WHERE name = 'ann'`).Scan(&body, &factor)
		if strings.Contains(body+factor, "very-secret") || factor == "" {
			t.Errorf("the secret stands in the row as it is: %q %q", body, factor)
		}
		return err
	})
	step := func(id string, n int64) error {
		return s.Update(t.Context(), func(tx *Tx) error { return tx.FactorStepUsed(id, n) })
	}
	recovery := func(id string, hash ...byte) error {
		return s.Update(t.Context(), func(tx *Tx) error { return tx.RecoveryUsed(id, hash) })
	}
	for _, n := range []int64{99, 100} {
		is(t, step(ann.ID, n), portvigil.CodeConflict)
	}
	is(t, step(ann.ID, 102), "")
	is(t, step(ann.ID, 101), portvigil.CodeConflict)
	is(t, step(bob.ID, 200), portvigil.CodeConflict)
	is(t, recovery(ann.ID, 0xff, 3), portvigil.CodeConflict)
	is(t, recovery(ann.ID, 0xff, 2), "")
	is(t, recovery(ann.ID, 0xff, 2), portvigil.CodeConflict)
	is(t, recovery(bob.ID, 0, 1), portvigil.CodeConflict)
	ann.Factor.Used, ann.Factor.Recovery = 102, [][]byte{{0, 1}}
	has(ann, bob)
	ann.Version, ann.Password = 2, "$argon2id$new" // the rest stays
	update(t, s, func(tx *Tx) error { return tx.ChangeUser(ann) })
	has(ann, bob)
	is(t, recovery(ann.ID, 0, 1), "")
	bob.Version, bob.Factor = 2, userWithFactor("bob").Factor
	ann.Version, ann.Factor = 3, nil
	update(t, s, func(tx *Tx) error { return errors.Join(tx.ChangeUser(ann), tx.ChangeUser(bob)) })
	has(ann, bob)
	is(t, step(ann.ID, 300), portvigil.CodeConflict)
	// What cannot be opened is lost, and says so: it does not let in by the password.
	update(t, s, func(tx *Tx) error {
		_, err := tx.exec(`UPDATE users SET factor = ? WHERE name = 'bob'`, []byte("no secret of ours, but long enough"))
		return err
	})
	bob.Factor.Secret = nil
	has(ann, bob)
}

// testCodeRace takes one code in many transactions at a time: one gets it.
func testCodeRace(t *testing.T, s *Store) {
	ann := userWithFactor("ann")
	update(t, s, func(tx *Tx) error { return tx.AddUser(ann) })
	for name, take := range map[string]func(*Tx) error{
		"a step":          func(tx *Tx) error { return tx.FactorStepUsed(ann.ID, 101) },
		"a recovery code": func(tx *Tx) error { return tx.RecoveryUsed(ann.ID, []byte{0, 1}) },
	} {
		var mu sync.Mutex
		var all sync.WaitGroup
		won := 0
		for range 8 {
			all.Go(func() {
				err := s.Update(t.Context(), take)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else {
					is(t, err, portvigil.CodeConflict)
				}
			})
		}
		all.Wait()
		if won != 1 {
			t.Errorf("%s was taken %d times, want once", name, won)
		}
	}
}

func TestASecondFactorNeedsItsKey(t *testing.T) {
	t.Parallel()
	old, ann := t.TempDir(), userWithFactor("ann")
	s, err := Open(t.Context(), old, Options{})
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *Tx) error { return tx.AddUser(ann) })
	backup, withKey := readAll(t, backedUp(t, s, false)), readAll(t, backedUp(t, s, true))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	factorIn := func(dir string, want *portvigil.Factor) {
		t.Helper()
		view(t, openIn(t, dir), func(tx *Tx) error {
			u, err := tx.User("ann")
			same(t, u.Factor, want)
			return err
		})
	}

	dir := t.TempDir()
	if _, err := Restore(t.Context(), dir, bytes.NewReader(withKey), RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	factorIn(dir, ann.Factor)

	dir = t.TempDir()
	_, err = Restore(t.Context(), dir, bytes.NewReader(backup), RestoreOptions{})
	is(t, err, portvigil.CodeInvalid)
	r, err := Restore(t.Context(), dir, bytes.NewReader(backup), RestoreOptions{WithoutSecrets: true})
	if err != nil || len(r.Factorless) != 1 || r.Factorless[0] != "ann" {
		t.Fatalf("got %+v, %v, want ann named", r, err)
	}
	lost := *ann.Factor
	lost.Secret = nil
	factorIn(dir, &lost)

	// Nothing but a second factor is sealed here: another key is refused all the same.
	overwrite(t, old, keyFile, func([]byte) []byte { return bytes.Repeat([]byte("ab"), keyBytes) })
	_, err = Open(t.Context(), old, Options{})
	is(t, err, portvigil.CodeUnavailable)
	if err := os.Remove(filepath.Join(old, keyFile)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), old, Options{})
	is(t, err, portvigil.CodeUnavailable)
}
