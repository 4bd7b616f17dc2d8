package store

import (
	"context"
	"errors"
	flags "flag" // the room has a flag of its own
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// fulls is how often TestAFullDiskAtAnyMomentLosesNothing fills the disk; make
// bench-full asks for 200.
var fulls = flags.Int("fulls", 12, "how often the disk is filled")

// crowd is several who write at the same time, and what they were told is stored.
type crowd struct {
	store *Store
	mu    sync.Mutex
	kept  []portvigil.BaselineVersion
	lost  []portvigil.BaselineVersion
	sent  map[string]bool // deliveries by id: were they taken
}

// TestAFullDiskAtAnyMomentLosesNothing: the disk fills up at moments that nothing
// chose, while many write and messages are worked. What was said to be stored is
// there, what was refused is not, and with space again it goes on, also where the
// program was started anew meanwhile.
func TestAFullDiskAtAnyMomentLosesNothing(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := smallDisk(t, "32m")
	c := &crowd{sent: map[string]bool{}}
	ballast := filepath.Join(dir, "ballast")
	worked := map[string]bool{}
	var workedMu sync.Mutex
	deliver := func(_ context.Context, id string) error {
		workedMu.Lock()
		defer workedMu.Unlock()
		worked[id] = true
		return nil
	}
	full := func(err error) bool { return err != nil && strings.Contains(err.Error(), "is full") }
	refused, starts := 0, 0
	c.open(t, dir)
	t.Cleanup(func() {
		if err := c.store.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for range *fulls {
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() {
			err := c.store.Work(ctx, Workers{Deliver: deliver, Look: func(context.Context, string) error { return nil }})
			if err != nil && !full(err) { // it may begin only when the disk is full already
				t.Errorf("Work: %v", err)
			}
		})
		fill(t, dir, ballast, int64(random.IntN(300))<<10)
		refused += c.write(t, seed+random.Uint64())
		if random.IntN(3) == 0 {
			stop()
			work.Wait()
			if err := c.store.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			var err error
			if c.store, err = Open(t.Context(), dir, Options{}); err != nil {
				starts++
				if !full(err) {
					t.Errorf("got %v, want to be told that the disk is full", err)
				}
			}
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if c.store == nil {
			c.open(t, dir)
		}
		c.check(t)
		stop()
		work.Wait()
		c.trim(t)
	}
	c.allWorked(t, func() map[string]bool { return worked }, &workedMu, deliver)
	t.Logf("the disk was full %d times: %d changes refused, %d starts refused", *fulls, refused, starts)
}

func (c *crowd) open(t *testing.T, dir string) {
	t.Helper()
	var err error
	if c.store, err = Open(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
}

// fill leaves that many bytes of the disk free.
func fill(t *testing.T, dir, ballast string, free int64) {
	t.Helper()
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(max(info.Size()-free, 0))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// write has four write until the disk is full for each of them, and returns how
// many changes were refused.
func (c *crowd) write(t *testing.T, seed uint64) (refused int) {
	var writers sync.WaitGroup
	for who := range uint64(4) {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(seed, who))
			for range 60 {
				v := portvigil.BaselineVersion{Kind: "host", Name: portvigil.NewID(), Version: 1, Text: strings.Repeat("x", random.IntN(20_000))}
				d := delivery("a", 0)
				err := c.store.Update(t.Context(), func(tx *Tx) error {
					return errors.Join(tx.AddBaseline(v), tx.AddDelivery(d))
				})
				c.mu.Lock()
				c.sent[d.ID] = err == nil
				if err == nil {
					c.kept = append(c.kept, v)
				} else {
					c.lost = append(c.lost, v)
					refused++
				}
				c.mu.Unlock()
				if err != nil {
					is(t, err, portvigil.CodeUnavailable)
					if !strings.Contains(err.Error(), "is full") {
						t.Errorf("got %v, want to be told that the disk is full", err)
					}
					return
				}
			}
		})
	}
	writers.Wait()
	return refused
}

// check compares what is there with what was told, and writes once more.
func (c *crowd) check(t *testing.T) {
	t.Helper()
	view(t, c.store, func(tx *Tx) error {
		for _, v := range c.kept {
			got, err := tx.Baseline(v.Kind, v.Name)
			if err != nil {
				return err
			}
			if got.Text != v.Text {
				t.Errorf("what was stored came back with %d bytes, want %d", len(got.Text), len(v.Text))
			}
		}
		for _, v := range c.lost {
			if got, err := tx.Baseline(v.Kind, v.Name); err == nil && got.Version != 0 {
				t.Errorf("a change that was refused is there: %s", v.Name)
			}
		}
		var complaint string
		if err := tx.row(`SELECT group_concat(integrity_check) FROM pragma_integrity_check`).Scan(&complaint); err != nil {
			return err
		}
		if complaint != "ok" {
			t.Errorf("the integrity check says %q", complaint)
		}
		return nil
	})
	update(t, c.store, func(tx *Tx) error { return tx.PutSetting("again", time.Now().String()) })
}

// trim makes room for the next round: what was checked goes, and what was worked.
func (c *crowd) trim(t *testing.T) {
	t.Helper()
	update(t, c.store, func(tx *Tx) error {
		_, err := tx.exec(`DELETE FROM baselines`)
		_, err2 := tx.exec(`DELETE FROM river_job WHERE state = 'completed'`)
		_, err3 := tx.exec(`DELETE FROM deliveries WHERE id NOT IN (SELECT args ->> 'id' FROM river_job)`)
		return errors.Join(err, err2, err3)
	})
	c.kept, c.lost = nil, nil
}

// allWorked works what is left, and checks that each message that was taken was
// worked, and none that was refused.
func (c *crowd) allWorked(t *testing.T, worked func() map[string]bool, mu sync.Locker, deliver func(context.Context, string) error) {
	t.Helper()
	work(t, c.store, Workers{Deliver: deliver, Look: func(context.Context, string) error { return nil }})
	missing := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for id, taken := range c.sent {
			if taken && !worked()[id] {
				n++
			}
		}
		return n
	}
	deadline := time.Now().Add(time.Minute)
	for missing() > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages that were taken were never worked", missing())
		}
		<-time.After(20 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	for id := range worked() {
		if !c.sent[id] {
			t.Errorf("message %s was refused and worked all the same", id)
		}
	}
}
