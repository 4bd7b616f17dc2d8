package scan

import "fmt"

// everywhereAbove is how many ports a look must have covered before "nearly all
// of them are open" means a device that answers for everything.
const everywhereAbove = 1000

// notes tells, each in a short sentence that begins with a code, what a reader
// must know to take the look for what it is.
func (c *conductor) notes() []string {
	var notes []string
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	t := c.table
	complete := c.complete()
	unheard := !c.doors.heardEver && c.rejections == 0
	switch {
	case complete:
	case c.end == endDeadSilent:
		add("dead-path: nothing was heard since probe %d, not even from doors known to answer: the way is cut, or this vantage is banned", c.lastGood)
	case c.end == endDeadUnreachable, c.finished && unheard && c.unreachable > 0:
		add("dead-path: %d times in a row host or net unreachable, and not by the target itself", c.unreachable)
	case c.end == endBlocked:
		add("blocked since probe %d: doors that answered before do not any more", c.lastGood)
	case c.finished && unheard:
		add("no-answer: none of %d probes was answered", c.sends)
	case c.finished && !c.doors.heardEver:
		add("icmp-limited: %d probes were rejected and the others stayed silent; no door answers that could vouch for the way", c.rejections)
	case c.finished && c.measured:
		add("lossy: %d ports stayed undecided after %d passes: of %d questions to known doors %.0f %% were lost", c.undecided(), c.pass, c.losses.all(c.reference()).asked, 100*c.losses.all(c.reference()).share())
	case c.finished:
		add("rate-limited: %d ports stayed undecided, as known doors were silent whenever they were tried", c.undecided())
	}
	if c.pace.lowest > 0 {
		add("rate-limited: slowed down to %.0f SYN/s at times, because probes that should have been answered were not", c.pace.lowest)
	}
	if open, closed := &c.distances[roleOpen], &c.distances[roleClosed]; inFront(open, closed) {
		add("answered-in-front: open ports answer from %d hops away and closed ones from %d, so something in front of the host answers for it", open.hops-1, closed.hops-1)
	}
	c.manners.notes(add)
	if t.total() > everywhereAbove && t.opened*10 > t.total()*9 {
		add("answers-everywhere: %d of %d ports are open", t.opened, t.total())
	}
	if n := t.unreached(); n > 0 {
		add("not-probed: %d of %d ports were not reached", n, t.total())
	}
	return notes
}
