package watch

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/portvigil/portvigil"
)

// Each view of a host has its own moment within the interval at which it is to
// look, the same for ever: a host with an interval of a day has a time of day.
//
//	interval   |-----o---------|-----o---------|-----o----> host web1
//	           |-o-------------|-o-------------|-o--------> host web2
//
// So what was added together, or overdue together, or restarted together is apart
// again with the look after that, and stays so; no restart moves it.

// nextLook returns the host's next moment that is at least a quarter of the interval
// away: looks are between a quarter and five quarters of it apart, within the one
// and a half for which they are fresh.
func nextLook(h portvigil.Host, view portvigil.View, now time.Time) time.Time {
	interval := h.Interval(view)
	earliest := now.Add(interval / 4)
	since := time.Duration(earliest.UnixNano()) % interval
	return earliest.Add((moment(h.Name, view, interval) - since + interval) % interval)
}

// moment returns how long after the beginning of each interval the view is to look,
// counted from the beginning of 1970, UTC. The hash puts names apart that differ little.
func moment(name string, view portvigil.View, interval time.Duration) time.Duration {
	sum := sha256.Sum256([]byte(name + " " + string(view)))
	return time.Duration(binary.BigEndian.Uint64(sum[:]) % uint64(interval)).Truncate(time.Microsecond)
}

// ensureSchedules gives every host the scheduled looks that it lacks, and moves
// those that are further away than the schedule would ever put them: the clock was
// wrong when it did. What is overdue stays as it is; the line sees to its order.
func (e *Engine) ensureSchedules(ctx context.Context) error {
	return e.ifNeeded(ctx, func(tx Tx) error {
		hosts, err := tx.Hosts()
		if err != nil {
			return err
		}
		all, err := tx.OpenRequests("")
		if err != nil {
			return err
		}
		scheduled := map[string]portvigil.LookRequest{}
		for _, r := range all {
			if r.Reason == reasonSchedule {
				scheduled[r.HostID+" "+string(r.View)] = r
			}
		}
		for _, h := range hosts {
			for _, view := range e.viewsOf(h) {
				r, there := scheduled[h.ID+" "+string(view)]
				if err := e.ensureSchedule(tx, h, view, r, there); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (e *Engine) ensureSchedule(tx Tx, h portvigil.Host, view portvigil.View, r portvigil.LookRequest, there bool) error {
	next := nextLook(h, view, e.now())
	switch {
	case !there:
		return tx.AddRequest(e.wish(h, view, nil, reasonSchedule, next))
	case r.State == portvigil.LookWanted && r.Due.After(e.now().Add(h.Interval(view)*5/4)):
		r.Due = next
		return tx.WakeRequest(r)
	}
	return nil
}

func hasScheduled(open []portvigil.LookRequest, view portvigil.View) bool {
	return slices.ContainsFunc(open, func(r portvigil.LookRequest) bool {
		return r.View == view && r.Reason == reasonSchedule
	})
}
