package watch

import (
	"context"
	"time"

	"github.com/portvigil/portvigil"
)

// mostDrawn bounds the intervals of a timeline, and the times in which a view
// watched: more than that is no picture that anybody reads.
const mostDrawn = 1000

// HostHistory says what was reachable on a host between two moments, and which
// views could tell. What is still to come is left out.
func (e *Engine) HostHistory(ctx context.Context, name string, from, to time.Time) (t portvigil.Timeline, err error) {
	if now := e.now(); to.After(now) {
		to = now
	}
	if !from.Before(to) {
		return t, portvigil.Errorf(portvigil.CodeInvalid, "there is no time between %s and %s", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339)).
			WithHint("give a time of the past, and a later one")
	}
	err = e.store.View(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		intervals, watched, leftOut, err := tx.PastBetween(h.ID, from, to, max(h.Outside, h.Inside)*3/2, mostDrawn)
		t = portvigil.TimelineOf(h, from, to, intervals, watched)
		t.LeftOut = leftOut
		return err
	})
	return t, err
}

// HostAt says what was reachable on a host at a moment of the past.
func (e *Engine) HostAt(ctx context.Context, name string, at time.Time) (past portvigil.Past, err error) {
	if at.After(e.now()) {
		return past, portvigil.Errorf(portvigil.CodeInvalid, "%s is still to come", at.UTC().Format(time.RFC3339)).
			WithHint("give a time of the past; what is reachable now: portvigil hosts show %s", portvigil.Printable(name))
	}
	err = e.store.View(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		intervals, watched, err := tx.Past(h.ID, at)
		past = portvigil.PastOf(h, at, intervals, watched)
		return err
	})
	return past, err
}
