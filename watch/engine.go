package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

// System is who is named where nobody asked for what happened.
const System = "portvigil"

// OutsideTarget is what the outside view is asked to look at.
type OutsideTarget struct {
	Host    portvigil.Host
	Address netip.Addr
	Name    string             // the DNS name that led to it, "" for none
	Run     string             // the looks that are started together
	Ports   *portvigil.PortSet // nil: all TCP ports
	// First are the doors that are looked at first, since something listens there.
	First *portvigil.PortSet
	// References are ports that answered before: doors that show that the way is clear.
	References []uint16
}

// outsideViewer looks at one address from this server's own vantage.
type outsideViewer interface {
	Look(ctx context.Context, t OutsideTarget, progress func(portvigil.LookProgress)) (*portvigil.Look, error)
	// Resolve returns the addresses that a target leads to now.
	Resolve(ctx context.Context, target string) ([]netip.Addr, error)
	// ParsePorts reads what scan takes as ports.
	ParsePorts(spec string) (*portvigil.PortSet, error)
}

// insideViewer looks at this machine from inside.
type insideViewer interface {
	Look(ctx context.Context, host portvigil.Host, run string) (*portvigil.Look, error)
}

// messenger delivers to one channel. An error that is a *Later says when to
// try again; one that is a *GiveUp will not get better.
type messenger interface {
	Send(ctx context.Context, c portvigil.ChannelRow, d portvigil.Delivery) error
	// Check returns an Error for settings with which the channel cannot work.
	Check(c portvigil.ChannelRow) error
}

// Options of an Engine; the zero value of each has a use.
type Options struct {
	Clock  Clock // nil: the machine's
	Logger *slog.Logger
	// LinkBase is where the pages are, without a slash at the end; "" for no links.
	LinkBase string
	// Inside makes the inside view of the local host; nil: there is none.
	Inside insideViewer
}

// Engine is the loop that watches. Its methods may be called at the same time.
type Engine struct {
	store     Store
	outside   outsideViewer
	inside    insideViewer
	messenger messenger
	clock     Clock
	log       *slog.Logger
	linkBase  string

	turns    turns
	progress broadcast
}

// New returns an engine over the store; Run makes it watch.
func New(store Store, outside outsideViewer, m messenger, o Options) *Engine {
	e := &Engine{store: store, outside: outside, inside: o.Inside, messenger: m, clock: o.Clock, log: o.Logger, linkBase: o.LinkBase}
	if e.clock == nil {
		e.clock = time.Now
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	return e
}

// now is the server's time as the store keeps it: UTC, in microseconds.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Microsecond) }

// sweepEvery is how often what depends on time alone is judged anew: freshness,
// acknowledgements, expiry. A minute is below every interval of the rules.
const sweepEvery = time.Minute

// Run judges every host anew from time to time, until ctx ends. Looks and
// deliveries are made by whoever calls MakeLook and Deliver.
func (e *Engine) Run(ctx context.Context) error {
	if err := e.ensureSchedules(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := e.sweep(ctx); err != nil && ctx.Err() == nil {
			e.log.Error("judging the hosts failed", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// sweep judges the means of watching, then each host anew; one that cannot be judged holds up no other.
func (e *Engine) sweep(ctx context.Context) error {
	var hosts []portvigil.Host
	if err := e.store.View(ctx, func(tx Tx) (err error) {
		hosts, err = tx.Hosts()
		return err
	}); err != nil {
		return err
	}
	failures := []error{e.sweepMeans(ctx)}
	for _, h := range hosts {
		err := e.store.Update(ctx, func(tx Tx) error {
			h, err := hostNow(tx, h.ID)
			if err != nil {
				return err
			}
			return e.evaluate(tx, h, portvigil.Approval{})
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !errors.Is(err, errGone):
			failures = append(failures, fmt.Errorf("judge %s: %w", h.Name, err))
		}
	}
	failures = append(failures, e.store.Update(ctx, e.tellHeld))
	return errors.Join(failures...)
}

// errGone tells that a host was removed while it was looked at or judged.
var errGone = errors.New("the host was removed")

// hostNow returns the host as it is in this transaction, errGone where it was
// removed. What was read of it before may speak of another one by that name.
func hostNow(tx Tx, id string) (portvigil.Host, error) {
	h, err := tx.HostByID(id)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return h, errGone
	}
	return h, err
}

// ensureSchedules gives every host the scheduled looks that it lacks.
func (e *Engine) ensureSchedules(ctx context.Context) error {
	return e.store.Update(ctx, func(tx Tx) error {
		hosts, err := tx.Hosts()
		if err != nil {
			return err
		}
		for _, h := range hosts {
			open, err := tx.OpenRequests(h.ID)
			if err != nil {
				return err
			}
			for _, view := range e.viewsOf(h) {
				if !hasScheduled(open, view) {
					if err := tx.AddRequest(e.wish(h, view, nil, reasonSchedule, e.now().Add(spread(h.Interval(view))))); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// viewsOf returns the views of the host that this server makes by itself.
func (e *Engine) viewsOf(h portvigil.Host) []portvigil.View {
	var views []portvigil.View
	if h.Local && e.inside != nil {
		views = append(views, portvigil.Inside)
	}
	if len(h.Targets) > 0 {
		views = append(views, portvigil.Outside)
	}
	return views
}

// spread returns a moment within the interval, so that hosts that were added
// together are not looked at together ever after.
func spread(interval time.Duration) time.Duration {
	return interval/4 + rand.N(interval*3/4)
}

// jittered returns the interval, 5 % more or less.
func jittered(interval time.Duration) time.Duration {
	return interval*95/100 + rand.N(interval/10+1)
}
