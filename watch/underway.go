package watch

import (
	"context"

	"github.com/portvigil/portvigil"
)

// UnderWay returns the looks at a host that are due and have not ended, with how
// far each is as far as this process knows.
func (e *Engine) UnderWay(ctx context.Context, name string) (list []portvigil.LookUnderWay, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		list = nil
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		open, err := tx.OpenRequests(h.ID)
		for _, r := range open {
			if r.State != portvigil.LookRunning && r.Due.After(e.now()) {
				continue
			}
			u := portvigil.LookUnderWay{View: r.View, Reason: r.Reason, Due: r.Due, Running: r.State == portvigil.LookRunning,
				Progress: e.progress.newest(r.ID)}
			if why := e.line.keptRequest(r.ID); why != "" {
				u.Progress = &portvigil.LookProgress{Waits: why}
			}
			list = append(list, u)
		}
		return err
	})
	return list, err
}
