package portvigil

import "time"

// NextDue returns the first moment after now at which time alone may change how
// the host is judged: a look is no longer fresh, an entry or what was granted
// until then is over, the hours of an allowance begin or end. Zero is never. It
// may be too early, and never too late: whoever judges again at that moment, and
// whenever something was seen or decided, misses nothing.
func NextDue(s Situation, alerts, vantages []Alert) time.Time {
	d := due{now: s.Now}
	for i := range s.Trails {
		d.trail(&s.Host, &s.Trails[i])
	}
	for _, e := range s.Baseline.Entries {
		if !e.Expires.IsZero() {
			d.at(e.Expires.End())
		}
	}
	for _, a := range s.Baseline.Allow {
		d.at(a.Hours.next(s.Now))
	}
	for i := range alerts {
		d.alert(&alerts[i])
	}
	for i := range vantages {
		d.alert(&vantages[i])
		if !vantages[i].Open() { // from its end on, a host is excused for as long as a look may be old
			d.past(vantages[i].Resolution.Time.Add(s.Host.Interval(Outside) * 3 / 2))
		}
	}
	return d.first
}

// due is the first of the moments after now that it was told of.
type due struct{ now, first time.Time }

// at is a moment from which on something holds.
func (d *due) at(t time.Time) {
	if t.After(d.now) && (d.first.IsZero() || t.Before(d.first)) {
		d.first = t
	}
}

// past is a moment after which something holds: times are in microseconds.
func (d *due) past(t time.Time) { d.at(t.Add(time.Microsecond)) }

// trail: each part of the ports is fresh for one and a half intervals, and what
// is open is believed for as long. A view that hears no UDP is as fresh as its newest look.
func (d *due) trail(h *Host, t *Trail) {
	lasts := h.Interval(t.Key.View) * 3 / 2
	d.past(h.Added.Add(lasts))
	for _, c := range t.Latest {
		d.past(c.Look.Received.Add(lasts))
	}
	if t.Unheard() {
		d.past(t.Newest.Received.Add(lasts))
	}
	for i := range t.Sights {
		if t.Sights[i].Open() {
			d.past(t.Sights[i].Last.Add(lasts))
		}
	}
}

func (d *due) alert(a *Alert) {
	switch {
	case a.State == AlertAcknowledged && a.Memory.AckUntil != nil:
		d.at(*a.Memory.AckUntil)
	case a.State == AlertWaitingShut && a.Memory.ShutAsked != nil:
		d.at(a.Memory.ShutAsked.Add(ShutWithin))
	case a.State == AlertResolved && a.Resolution.Until != nil:
		d.at(*a.Resolution.Until)
	}
}
