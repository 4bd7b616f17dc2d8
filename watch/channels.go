package watch

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/portvigil/portvigil"
)

var channelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// Later is a failure to deliver that may pass; After is when the receiver
// wants to be asked again, 0 where it did not say.
type Later struct {
	After time.Duration
	Err   error
}

func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns what failed.
func (l *Later) Unwrap() error { return l.Err }

// waiting is a Later whose receiver said when it wants to be asked again; the
// queue heeds that, and backs off by its own measure from any other error.
type waiting struct{ *Later }

// RetryAfter is how long the receiver asked to be left alone.
func (w waiting) RetryAfter() time.Duration { return w.After }

// GiveUp is a failure to deliver that will not pass by itself.
type GiveUp struct{ Err error }

func (g *GiveUp) Error() string { return g.Err.Error() }

// Unwrap returns what failed.
func (g *GiveUp) Unwrap() error { return g.Err }

// AddChannel adds a way to people.
func (e *Engine) AddChannel(ctx context.Context, by string, c portvigil.ChannelRow) (portvigil.ChannelRow, error) {
	if !channelName.MatchString(c.Name) {
		return c, portvigil.Errorf(portvigil.CodeInvalid, "channel name %s is not usable", portvigil.Quoted(c.Name)).
			WithHint("use letters, digits, dots, dashes and underscores, at most 63")
	}
	if err := e.messenger.Check(c); err != nil {
		return c, err
	}
	c.ID, c.Added = portvigil.NewID(), e.now()
	return c, e.store.Update(ctx, func(tx Tx) error {
		if _, err := tx.Channel(c.Name); err == nil {
			return portvigil.Errorf(portvigil.CodeConflict, "channel %s is there already", c.Name).
				WithHint("remove it first: portvigil channels remove %s", c.Name)
		} else if portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			return err
		}
		if err := tx.PutChannel(c); err != nil {
			return err
		}
		return e.act(tx, by, portvigil.ActChannelAdded, "channel", c.Name, c.Kind)
	})
}

// Channels returns every channel, without its secret.
func (e *Engine) Channels(ctx context.Context) (list []portvigil.ChannelRow, err error) {
	err = e.store.View(ctx, func(tx Tx) error { list, err = tx.Channels(); return err })
	for i := range list {
		list[i].Secret = nil
	}
	return list, err
}

// Queued returns how many messages each channel has yet to deliver, by its id.
func (e *Engine) Queued(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	err := e.store.View(ctx, func(tx Tx) error {
		clear(counts)
		queued, err := tx.QueuedDeliveries()
		for _, d := range queued {
			counts[d.Channel]++
		}
		return err
	})
	return counts, err
}

// RemoveChannel removes a channel and what is queued for it.
func (e *Engine) RemoveChannel(ctx context.Context, by, name string) error {
	return e.store.Update(ctx, func(tx Tx) error {
		c, err := tx.Channel(name)
		if err != nil {
			return err
		}
		if err := tx.RemoveChannel(c.ID); err != nil {
			return err
		}
		if _, err = e.judgeMeans(tx); err != nil {
			return err
		}
		return e.act(tx, by, portvigil.ActChannelRemoved, "channel", name, "")
	})
}

// TestChannel sends one message at once, past the queue, and returns what the
// receiver said.
func (e *Engine) TestChannel(ctx context.Context, by, name string) error {
	var c portvigil.ChannelRow
	err := e.store.View(ctx, func(tx Tx) (err error) { c, err = tx.Channel(name); return err })
	if err != nil {
		return err
	}
	d := portvigil.Delivery{ID: portvigil.NewID(), Channel: c.ID, Event: portvigil.ChannelTest, Created: e.now(), Body: []byte("{}")}
	failure := e.messenger.Send(ctx, c, d)
	outcome := "it took the message"
	if failure != nil {
		outcome = "it did not take the message"
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		if err := e.noteChannel(tx, c.ID, failure); err != nil {
			return err
		}
		return e.act(tx, by, portvigil.ActChannelTested, "channel", name, outcome)
	})
	if err != nil {
		return err
	}
	if failure != nil {
		return portvigil.Errorf(portvigil.CodeUnavailable, "channel %s did not take the test message: %v", name, failure).
			WithHint("mend it, or remove it and add it again")
	}
	return nil
}

// noteChannel notes how a channel fared just now.
func (e *Engine) noteChannel(tx Tx, id string, failure error) error {
	list, err := tx.Channels()
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.ID != id {
			continue
		}
		was := c.FailingSince
		if failure == nil {
			c.LastSuccess, c.LastError, c.FailingSince = e.now(), "", time.Time{}
		} else {
			c.LastFailure, c.LastError = e.now(), failure.Error()
			if was.IsZero() {
				c.FailingSince = c.LastFailure
			}
		}
		if err := tx.PutChannel(c); err != nil {
			return err
		}
		if failure == nil && !was.IsZero() {
			_, err = e.judgeMeans(tx) // it works again: nobody has to wait for the next sweep
		}
		return err
	}
	return nil
}

// giveUpAfter bounds how long a message is tried: what nobody read within a day
// is on the page, and the channel is known to fail by then.
const giveUpAfter = 24 * time.Hour

// noteWithin bounds how long it takes to note how a message fared, which is done
// also where no time is left.
const noteWithin = 10 * time.Second

// Deliver sends one queued notification. It returns an error where it has to be
// tried again, nil where it was sent, given up or is no longer wanted.
func (e *Engine) Deliver(ctx context.Context, id string) error {
	d, c, err := e.queued(ctx, id)
	if err != nil || c.ID == "" {
		return err
	}
	leave, waited, busy := e.lanes.enter(ctx, c)
	if busy > 0 {
		return e.laneless(ctx, c, busy)
	}
	defer leave()
	if waited { // much may have become of the channel meanwhile
		if d, c, err = e.queued(ctx, id); err != nil || c.ID == "" {
			return err
		}
		if !c.FailingSince.IsZero() {
			return e.laneless(ctx, c, failingBusy)
		}
	}
	failure := e.messenger.Send(ctx, c, d)
	if failure != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err() // the process stops
	}
	// A receiver that hangs until the time is over has failed like any other.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	again := e.fared(&d, failure)
	err = e.store.Update(ctx, func(tx Tx) error {
		if err := tx.PutDelivery(d); err != nil {
			return err
		}
		return e.noteChannel(tx, c.ID, failure)
	})
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return nil // the channel was removed meanwhile, and its messages with it
	}
	if err != nil {
		return err
	}
	if failure != nil {
		e.log.Warn("message not delivered", "channel", c.Name, "alert", d.Alert, "attempt", d.Attempts, "err", failure)
	}
	if !again {
		return nil
	}
	var later *Later
	if errors.As(failure, &later) && later.After > 0 {
		return waiting{later}
	}
	return fmt.Errorf("deliver over %s: %w", c.Name, failure)
}

// laneless has a message come back that found no room on its channel.
func (e *Engine) laneless(ctx context.Context, c portvigil.ChannelRow, busy time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return waiting{&Later{After: busy + time.Duration(e.chance(int64(busy))), Err: fmt.Errorf("enough messages are on their way over %s", c.Name)}}
}

// queued returns the notification with its channel; none of either where it is no
// longer wanted.
func (e *Engine) queued(ctx context.Context, id string) (d portvigil.Delivery, c portvigil.ChannelRow, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		if d, err = tx.Delivery(id); err != nil {
			return err
		}
		list, err := tx.Channels()
		for _, row := range list {
			if row.ID == d.Channel && d.State == portvigil.DeliveryQueued {
				c = row
			}
		}
		return err
	})
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		err = nil
	}
	return d, c, err
}

// fared notes in the notification how one attempt ended, and returns whether there
// is to be another.
func (e *Engine) fared(d *portvigil.Delivery, failure error) (again bool) {
	d.Attempts++
	var giveUp *GiveUp
	switch {
	case failure == nil:
		d.State, d.Sent, d.Error = portvigil.DeliverySent, e.now(), ""
	case errors.As(failure, &giveUp) || e.now().Sub(d.Created) > giveUpAfter:
		d.State, d.Error = portvigil.DeliveryFailed, failure.Error()
	default:
		d.Error, again = failure.Error(), true
	}
	return again
}
