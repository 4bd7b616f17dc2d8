package account

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a time that the test moves.
type clock struct{ t time.Time }

func newClock() *clock                 { return &clock{time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time        { return c.t }
func (c *clock) after(d time.Duration) { c.t = c.t.Add(d) }

func TestLimitGrowsAndIsForgotten(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := newLimit(c.now)
	for i := range freeMisses {
		if wait := l.try("ann"); wait != 0 {
			t.Fatalf("attempt %d has to wait %s", i+1, wait)
		}
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		want *= time.Second
		if got := l.try("ann"); got != want {
			t.Fatalf("the next one has to wait %s, want %s", got, want)
		}
		c.after(want - 1)
		if got := l.try("ann"); got != 1 {
			t.Fatalf("a moment before it has to wait %s", got)
		}
		c.after(1)
		if got := l.try("ann"); got != 0 {
			t.Fatalf("after that it still has to wait %s", got)
		}
	}
	if got := l.try("bob"); got != 0 {
		t.Errorf("another one has to wait %s", got)
	}
	c.after(forgetAfter)
	for range freeMisses {
		if got := l.try("ann"); got != 0 {
			t.Errorf("an hour later it has to wait %s", got)
		}
	}
}

func TestLimitTakesAnAttemptUnderAllItsKeysOrNone(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := newLimit(c.now)
	for range freeMisses {
		l.try("slow")
	}
	for range 100 {
		if l.try("slow", "other") == 0 {
			t.Fatal("one of its keys was not looked at")
		}
	}
	if wait := l.try("other"); wait != 0 {
		t.Errorf("what was refused counted as a miss: %s", wait)
	}
}

// TestLimitBoundsGuesses: whatever an attacker does between the attempts, the
// number of those that are looked at within a time is bounded.
func TestLimitBoundsGuesses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		l := newLimit(c.now)
		looked, start := 0, c.now()
		for range rapid.IntRange(1, 300).Draw(t, "attempts") {
			c.after(time.Duration(rapid.Int64Range(0, int64(2*mostDelay)).Draw(t, "pause")))
			if l.try("ann") == 0 {
				looked++
			}
		}
		const ramp = freeMisses + 9 // those before the delay is at its most
		if most := ramp + int(c.now().Sub(start)/mostDelay) + 1; looked > most {
			t.Errorf("%d were looked at within %s, want %d at most", looked, c.now().Sub(start), most)
		}
	})
}

func TestLimitUndoneAttemptsCountForNothing(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := newLimit(c.now)
	for i := range 100 {
		if wait := l.try("ann"); wait != 0 {
			t.Fatalf("good attempt %d has to wait %s", i+1, wait)
		}
		l.undo("ann")
	}
	if len(l.misses) != 0 {
		t.Errorf("%d are kept", len(l.misses))
	}
}

func TestLimitIsBounded(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := newLimit(c.now)
	for range freeMisses {
		l.try("early")
	}
	for i := range mostKeys + 5 {
		c.after(time.Millisecond)
		l.try(fmt.Sprint(i))
	}
	if len(l.misses) != mostKeys {
		t.Errorf("%d are kept, want %d", len(l.misses), mostKeys)
	}
	if _, kept := l.misses[digest("early")]; kept {
		t.Error("the oldest is kept")
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":                "192.0.2.1",
		"::ffff:192.0.2.1":         "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1":     "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"2001:db8:1:3::1":          "2001:db8:1:3::/64",
		"::1":                      "::/64",
		"64:ff9b::192.0.2.33":      "64:ff9b::/64",
		"2001:db8:ffff:ffff::ffff": "2001:db8:ffff:ffff::/64",
	} {
		if got := source(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
	if source(netip.Addr{}) == "" {
		t.Error("an unknown address has no key")
	}
}
