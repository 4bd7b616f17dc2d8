package watch

import (
	"context"
	"time"

	"github.com/portvigil/portvigil"
)

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
