package watch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// sweepEvery is how often the engine asks what is due: a minute is below every
// interval of the rules.
const sweepEvery = time.Minute

// judgedWithin bounds how long a host is left alone. Nothing of the rules needs
// it; it is for what no clock tells, such as a look that another program lost.
const judgedWithin = time.Hour

// Run judges what time alone has changed, until ctx ends. Looks and deliveries
// are made by whoever calls MakeLook and Deliver.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.ensureSchedules(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	poll := time.NewTicker(folderEvery)
	defer poll.Stop()
	if !e.folder.follows() {
		poll.Stop()
	}
	e.ReadFolder(ctx)
	for {
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("judging the hosts failed", "err", err)
		}
		// Summed up now, so that who asks first after a quiet night does not wait for 500 hosts.
		if _, err := e.Overview(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("summing up the hosts failed", "err", err)
		}
		for swept := true; swept; {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
				swept = false
			case <-poll.C:
				e.ReadFolder(ctx)
			}
		}
	}
}

// ReadFolder reads the folder that the baseline follows, where there is one and it
// has changed. Run does so every few seconds; who answers people before that
// calls it first. A failure is told in the log, and the next time tries again.
func (e *Engine) ReadFolder(ctx context.Context) {
	if err := e.pollFolder(ctx); err != nil && ctx.Err() == nil {
		e.log.Error("following the baseline's folder failed", "err", err)
	}
}

// sweep judges what is due: hosts in which something was seen or decided since
// they were swept last, and those for which a moment has come that may change
// the verdict. At rest it reads the list of hosts and nothing of them, and writes
// nothing. One host that cannot be judged holds up no other.
func (e *Engine) sweep(ctx context.Context) error {
	now := e.now()
	if now.Before(e.swept) { // the clock was put back, and what it said before is too late
		if err := e.ensureSchedules(ctx); err != nil {
			return err
		}
	}
	e.swept = now
	hosts, due, err := e.due(ctx)
	if err != nil {
		return err
	}
	// A vantage that has gone blind is known before the hosts are said to be.
	changed, err := e.sweepMeans(ctx)
	failures := []error{err}
	if changed {
		due = hosts
	}
	failures = append(failures, e.probeVantage(ctx, hosts))
	for _, h := range due {
		if err := e.sweepHost(ctx, h); err != nil {
			failures = append(failures, fmt.Errorf("judge %s: %w", h.Name, err))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	failures = append(failures, e.ifNeeded(ctx, e.tellHeld))
	return errors.Join(failures...)
}

// due returns every host, and those that are to be judged now; of these it notes
// which vantages see them.
func (e *Engine) due(ctx context.Context) (hosts, due []portvigil.Host, err error) {
	now := e.now()
	e.dues.begin(now)
	err = e.store.View(ctx, func(tx Tx) error {
		if hosts, err = tx.Hosts(); err != nil {
			return err
		}
		due = slices.DeleteFunc(slices.Clone(hosts), func(h portvigil.Host) bool { return !e.dues.has(h.ID, now) })
		for _, h := range due {
			trails, err := tx.Trails(h.ID)
			if err != nil {
				return err
			}
			e.dues.see(h.ID, portvigil.VantageSights(h, trails, now))
		}
		return nil
	})
	e.dues.keep(hosts)
	return hosts, due, err
}

// sweepHost judges one host, and takes the one write transaction only where that
// changes anything.
func (e *Engine) sweepHost(ctx context.Context, h portvigil.Host) error {
	since := e.dues.begin(e.now())
	var next time.Time
	err := e.ifNeeded(ctx, func(tx Tx) error {
		h, err := hostNow(tx, h.ID)
		if err != nil {
			return err
		}
		next, err = e.judge(tx, h, portvigil.Approval{})
		return err
	})
	switch {
	case errors.Is(err, errGone):
		return nil
	case err != nil:
		return err
	}
	e.dues.set(h, since, e.now(), next)
	return nil
}

// errWrites tells that a transaction that only reads has something to write.
var errWrites = errors.New("there is something to write")

// reading is a transaction that stops where it would write.
type reading struct{ Tx }

func (reading) PutAlert(portvigil.Alert) error          { return errWrites }
func (reading) AddDelivery(portvigil.Delivery) error    { return errWrites }
func (reading) AddRequest(portvigil.LookRequest) error  { return errWrites }
func (reading) WakeRequest(portvigil.LookRequest) error { return errWrites }
func (reading) PutSetting(string, string) error         { return errWrites }

// ifNeeded runs do on what is there, and as a transaction that writes only where
// it has something to write.
func (e *Engine) ifNeeded(ctx context.Context, do func(Tx) error) error {
	err := e.store.View(ctx, func(tx Tx) error { return do(reading{tx}) })
	if errors.Is(err, errWrites) {
		return e.store.Update(ctx, do)
	}
	return err
}
