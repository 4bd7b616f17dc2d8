package scan

import "time"

// silence is a probe that nothing answered.
type silence struct {
	port uint16
	pass int
	sent time.Duration
}

// silences keeps those that nothing vouches for yet. A silence counts once doors
// answered before and after its probe was sent, and not where it fell into an outage
// of the way.
type silences struct {
	waiting []silence // about in the order in which they were sent
	vouched time.Duration
	outages []span
}

// span is a time from which on, and up to which, doors were silent.
type span struct{ from, to time.Duration }

// hear takes a silence, and reports whether it counts at once.
func (s *silences) hear(it silence) (counts bool) {
	if it.sent > s.vouched {
		s.waiting = append(s.waiting, it)
		return false
	}
	return !s.fell(it)
}

func (s *silences) fell(it silence) bool {
	for _, o := range s.outages {
		if it.sent > o.from && it.sent < o.to {
			return true
		}
	}
	return false
}

// outage notes that the way was out.
func (s *silences) outage(from, to time.Duration) {
	s.outages = append(s.outages, span{from, to})
}

// vouch has doors vouch for what was sent until a moment, and calls counts for each
// silence that counts now.
func (s *silences) vouch(until time.Duration, counts func(silence)) {
	if until <= s.vouched {
		return
	}
	s.vouched = until
	n := 0
	for ; n < len(s.waiting) && s.waiting[n].sent <= until; n++ {
		if !s.fell(s.waiting[n]) {
			counts(s.waiting[n])
		}
	}
	s.waiting = append(s.waiting[:0], s.waiting[n:]...)
}

// void forgets what was sent in a time: nothing measured the loss then.
func (s *silences) void(from, to time.Duration) {
	s.outage(from-1, to)
	s.vouch(to, func(silence) {})
}
