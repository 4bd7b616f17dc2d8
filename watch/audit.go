package watch

import (
	"context"

	"github.com/portvigil/portvigil"
)

// Audit returns the page of what was done that the filter asks for, the newest
// first, and how much there is without its Limit and Offset: the steps of alerts,
// and what people changed beside them.
func (e *Engine) Audit(ctx context.Context, f portvigil.ActFilter) (page []portvigil.Act, total int, err error) {
	err = e.store.View(ctx, func(tx Tx) error { page, total, err = tx.Acts(f); return err })
	return page, total, err
}

// act notes what somebody does, in the transaction that does it.
func (e *Engine) act(tx Tx, by, what, kind, name, text string) error {
	return tx.AddAct(portvigil.NewAct(e.now(), by, what, kind, name, text))
}
