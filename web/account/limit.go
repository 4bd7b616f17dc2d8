package account

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/netip"
	"sync"
	"time"
)

// Slower refuses an attempt that comes too soon.
type Slower struct {
	After time.Duration // when the next one is looked at, above zero
}

// Error says how long to wait.
func (s *Slower) Error() string {
	return fmt.Sprintf("too many attempts; try again in %s", s.After.Round(time.Second))
}

// How attempts are slowed down. A person mistypes a few times; a program that
// guesses once in five minutes finds no password within a lifetime.
const (
	freeMisses  = 5
	firstDelay  = time.Second
	mostDelay   = 5 * time.Minute
	forgetAfter = time.Hour // without an attempt
	mostKeys    = 20_000    // some megabytes; beyond, the one that was quiet longest is forgotten
)

// limit counts misses by key, and says how long the next attempt has to wait:
// not at all five times, then a second, and twice as long each time, up to five
// minutes.
type limit struct {
	now func() time.Time

	mu     sync.Mutex
	misses map[[32]byte]miss // guarded by mu
}

type miss struct {
	count int
	last  time.Time
}

func newLimit(now func() time.Time) *limit { return &limit{now: now, misses: map[[32]byte]miss{}} }

// try takes an attempt under every key, or returns how long to wait for the
// latest of them. An attempt counts as missed until it is undone, so that a
// thousand at the same time are not one.
func (l *limit) try(keys ...string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	var wait time.Duration
	for _, key := range keys {
		if m, found := l.misses[digest(key)]; found {
			wait = max(wait, m.last.Add(delay(m.count)).Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for _, key := range keys {
		m := l.misses[digest(key)]
		if now.Sub(m.last) >= forgetAfter {
			m.count = 0
		}
		l.misses[digest(key)] = miss{m.count + 1, now}
	}
	l.forget(now)
	return 0
}

// delay is how long after so many misses the next attempt is looked at.
func delay(misses int) time.Duration {
	if misses < freeMisses {
		return 0
	}
	doublings := min(misses-freeMisses, 16) // beyond, mostDelay has long been reached
	return min(firstDelay<<doublings, mostDelay)
}

// undo takes back an attempt that was none: it succeeded.
func (l *limit) undo(keys ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range keys {
		if m, found := l.misses[digest(key)]; found && m.count > 1 {
			l.misses[digest(key)] = miss{m.count - 1, m.last}
		} else {
			delete(l.misses, digest(key))
		}
	}
}

// forget keeps the table small; the caller holds mu.
func (l *limit) forget(now time.Time) {
	if len(l.misses) <= mostKeys {
		return
	}
	maps.DeleteFunc(l.misses, func(_ [32]byte, m miss) bool { return now.Sub(m.last) >= forgetAfter })
	for len(l.misses) > mostKeys {
		var oldest [32]byte
		last := now
		for key, m := range l.misses {
			if !m.last.After(last) {
				oldest, last = key, m.last
			}
		}
		delete(l.misses, oldest)
	}
}

// digest bounds a key, which a stranger chose.
func digest(key string) [32]byte { return sha256.Sum256([]byte(key)) }

// source is who an address belongs to, as far as can be told: an IPv6 network
// has more addresses than anybody can count, and one owner.
func source(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
