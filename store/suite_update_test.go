package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
)

// testUpdatesInCompany: many change the same number at once. What failed, what
// panicked and what was given up leaves no trace, and takes nothing with it that
// went right.
func testUpdatesInCompany(t *testing.T, s *Store) {
	update(t, s, func(tx *Tx) error { return tx.PutSetting("sum", "0") })
	add := func(tx *Tx) error {
		text, err := tx.Setting("sum")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		return tx.PutSetting("sum", strconv.Itoa(n+1))
	}
	var made sync.Map
	var all sync.WaitGroup
	for i := range 80 {
		all.Go(func() {
			key := fmt.Sprintf("made %d", i)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			panics := false
			defer func() {
				if p := recover(); (p != nil) != panics {
					t.Errorf("change %d: panicked with %v", i, p)
				}
			}()
			err := s.Update(ctx, func(tx *Tx) error {
				if err := errors.Join(add(tx), tx.PutSetting(key, "yes")); err != nil {
					return err
				}
				switch i % 8 {
				case 1:
					return errUndo
				case 2:
					cancel()
				case 3: // the database itself refuses, in the middle of things
					_, err := tx.exec(`INSERT INTO settings (org, key, value) VALUES (?, ?, NULL)`, org, "never")
					return err
				case 4:
					panics = rand.N(2) == 0
					if panics {
						panic("a change that breaks off")
					}
				}
				return nil
			})
			if (err == nil) != (i%8 == 0 || i%8 >= 4) {
				t.Errorf("change %d: got %v", i, err)
			}
			if err == nil {
				made.Store(key, true)
			}
		})
	}
	all.Wait()
	view(t, s, func(tx *Tx) error {
		count := 0
		for i := range 80 {
			key := fmt.Sprintf("made %d", i)
			value, err := tx.Setting(key)
			if err != nil {
				return err
			}
			if _, ok := made.Load(key); ok != (value == "yes") {
				t.Errorf("change %d: told as made %v, there %q", i, ok, value)
			}
			if value == "yes" {
				count++
			}
		}
		sum, err := tx.Setting("sum")
		if sum != strconv.Itoa(count) {
			t.Errorf("the sum is %s after %d changes", sum, count)
		}
		return err
	})
}

// testWaitingIsGivenUp: who waits for its turn leaves when its context ends, and
// the others come to theirs.
func testWaitingIsGivenUp(t *testing.T, s *Store) {
	inside, leave := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		err := s.Update(t.Context(), func(tx *Tx) error {
			close(inside)
			<-leave
			return tx.PutSetting("first", "yes")
		})
		if err != nil {
			t.Errorf("Update: %v", err)
		}
	})
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	all.Go(func() {
		gaveUp <- s.Update(ctx, func(tx *Tx) error { return tx.PutSetting("given up", "yes") })
	})
	cancel()
	if err := <-gaveUp; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want a cancelled context", err)
	}
	close(leave)
	all.Wait()
	update(t, s, func(tx *Tx) error { return tx.PutSetting("last", "yes") })
	view(t, s, func(tx *Tx) error {
		for key, want := range map[string]string{"first": "yes", "given up": "", "last": "yes"} {
			if got, err := tx.Setting(key); err != nil || got != want {
				t.Errorf("%s: got %q (%v), want %q", key, got, err, want)
			}
		}
		return nil
	})
}
