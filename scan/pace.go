package scan

import "time"

const (
	// second is the length in which the ceiling counts: 2 % over a second, so that
	// a path which delays some SYN more than others does not push two seconds'
	// worth into one at the target.
	second = 1020 * time.Millisecond
	// lag is how far a look may fall behind its pace, because the machine did
	// something else, and still catch up.
	lag = time.Second
	// hurry is how much faster than its pace a look catches up.
	hurry = 2
	// burst is how far it may run ahead of even that: the kernel wakes nobody more
	// often than each millisecond. Slow rates have none.
	burst = 20 * time.Millisecond
	// mostCharged bounds the memory of a ceiling that no connect look reaches.
	mostCharged = 1 << 17
	// brief and patient bound how long an answer is awaited. A kernel sends a SYN
	// again after 1 s (RFC 6298 section 2): a probe is given up before, so that
	// every SYN on the wire is one that was counted.
	brief   = 250 * time.Millisecond
	patient = 900 * time.Millisecond
	// briefest is brief where an answer is heard when its probe was given up, too.
	briefest = 100 * time.Millisecond

	firstWindow  = 64   // in flight before anything answered
	leastWindow  = 8    // in flight at the worst
	silentWindow = 2500 // in flight while nothing answers: the default ceiling's worth of patience
	leastRate    = 25.0 // SYN/s that a look does not fall below, however lossy the path
	// How much faster a slowed look gets in a second: where a limiter is known, and
	// where it is only feared.
	slowRecovery, quickRecovery = 1.05, 2.0
	vouchedMore                 = 8 // the window grows by one in so many for each door that answers
)

// pace says when the next probe may leave: under the ceiling, inside the window
// of probes in flight, and slower once the host, the path or the own machine
// shows strain. Times are since the look began.
type pace struct {
	interval time.Duration   // between two SYN at the ceiling; 0: no ceiling
	due      time.Duration   // when the next SYN is due at an even pace; may lie in the past
	hurried  time.Duration   // when the next is due while catching up
	burst    time.Duration   // how much earlier than hurried it may leave
	ceiling  int             // SYN in any second; 0: none
	charged  []time.Duration // when the last SYN were charged, up to the ceiling; then a ring
	oldest   int             // in charged once it is full, and where the next one goes

	inAll *inAll        // the ceiling that looks side by side share; nil: none
	began time.Duration // since those all began

	limit    float64 // SYN/s that the look is slowed down to; 0: not slowed
	before   float64 // limit before it was cut last
	rate     float64 // SYN/s when it was
	recovery float64
	lowest   float64 // the lowest limit that helped; 0: none
	eased    time.Duration
	blocked  time.Duration // until then the own machine rests

	window    float64
	maxWindow float64
	cautious  bool // after strain of the own machine the window grows slowly
	brief     time.Duration

	srtt, rttvar time.Duration // RFC 6298 section 2; 0: nothing answered yet
	sentIn       meter
}

// newPace paces by a ceiling of SYN/s (0: none) with at most maxInFlight
// unanswered probes.
//
// The ceiling is exact, not an average. Each probe is charged at or after the
// moment it left, and leaves a second or more after the one that was charged a
// ceiling's worth of probes before. So no window of one second holds more.
func newPace(ceiling, maxInFlight int) *pace {
	p := &pace{maxWindow: float64(max(maxInFlight, leastWindow)), window: firstWindow, brief: brief}
	if ceiling > 0 {
		if ceiling >= 100 {
			p.burst = burst
		}
		p.interval = second/time.Duration(ceiling) + 1
		p.ceiling = min(ceiling, mostCharged)
	}
	p.window = min(p.window, p.maxWindow)
	return p
}

// wait returns 0 if a probe may leave now, else how long until it may; with the
// window full that is until an answer or a timeout, and forever is returned.
func (p *pace) wait(now time.Duration, inFlight int) time.Duration {
	if now < p.blocked {
		return p.blocked - now
	}
	if float64(inFlight) >= p.window {
		return forever
	}
	wait := max(0, p.due-now, p.hurried-p.burst-now)
	if p.ceiling > 0 && len(p.charged) == p.ceiling {
		wait = max(wait, p.charged[p.oldest]+second-now)
	}
	if p.inAll != nil {
		wait = max(wait, p.inAll.wait(p.began+now))
	}
	return wait
}

const forever = time.Duration(1<<63 - 1)

// sent charges a probe; now is after it left.
func (p *pace) sent(now time.Duration) {
	p.sentIn.add(now)
	interval := p.interval
	if p.limit > 0 {
		interval = max(interval, time.Duration(float64(time.Second)/p.limit))
	}
	p.due = max(p.due, now-lag) + interval
	p.hurried = max(p.hurried, now) + interval/hurry
	switch {
	case p.ceiling == 0:
	case len(p.charged) < p.ceiling:
		p.charged = append(p.charged, now)
	default:
		p.charged[p.oldest] = now
		p.oldest = (p.oldest + 1) % len(p.charged)
	}
	if p.inAll != nil {
		p.inAll.sent(p.began + now)
	}
}

// left charges the newest probe anew: it left later than it was to.
func (p *pace) left(now time.Duration) {
	if len(p.charged) > 0 {
		p.charged[(p.oldest+len(p.charged)-1)%len(p.charged)] = now
	}
	if p.inAll != nil {
		p.inAll.left(p.began + now)
	}
}

// answered learns from an answer that took rtt.
func (p *pace) answered(rtt time.Duration) {
	rtt = max(rtt, time.Microsecond)
	if p.srtt == 0 {
		p.srtt, p.rttvar = rtt, rtt/2
	} else {
		p.rttvar += ((p.srtt - rtt).Abs() - p.rttvar) / 4
		p.srtt += (rtt - p.srtt) / 8
	}
	step := 1.0
	if p.cautious {
		step = 8 / p.window
	}
	p.window = min(p.window+step, p.maxWindow)
}

// silent lets the window grow while ports stay silent, as those of a dropping
// firewall do: silence alone is no strain.
func (p *pace) silent() {
	if p.window < silentWindow || p.srtt > 0 {
		p.window = min(p.window+0.5, p.maxWindow)
	}
}

// vouched lets the window grow because a door answers in time: the way bears what is
// on it.
func (p *pace) vouched() {
	if !p.cautious {
		p.window = min(p.window+p.window/vouchedMore, p.maxWindow)
	}
}

// react slows the look down to a share of its rate, or says what became of that.
func (p *pace) react(now time.Duration, o order) {
	switch o.do {
	case reactCut:
		p.measure(now)
		p.slow(now, p.rate*o.share)
		p.recovery = quickRecovery
	case reactTry:
		p.measure(now)
		p.slow(now, p.rate*o.share)
		p.recovery = 1
	case reactHold:
		p.measure(now)
		p.hold(now, p.rate*o.share)
	case reactKeep:
		p.hold(now, p.rate*o.share)
	case reactUndo:
		p.limit = p.before
	}
}

// measure keeps how fast the look was before it is slowed down.
func (p *pace) measure(now time.Duration) {
	p.before, p.rate = p.limit, p.sentIn.perSecond(now)
	if p.limit > 0 {
		p.rate = min(p.rate, p.limit)
	}
}

// hold slows the look down to a rate that a limiter lets through.
func (p *pace) hold(now time.Duration, rate float64) {
	p.slow(now, rate)
	p.recovery = slowRecovery
	if p.lowest == 0 || p.limit < p.lowest {
		p.lowest = p.limit
	}
}

func (p *pace) slow(now time.Duration, rate float64) {
	p.limit, p.eased = max(rate, leastRate), now
	p.due = max(p.due, now) // what was missed is not caught up on such a path
}

// ease speeds a slowed look up again, second by second.
func (p *pace) ease(now time.Duration) {
	if p.limit > 0 && now-p.eased >= time.Second {
		p.limit *= p.recovery
		p.eased = now
	}
}

// strained rests and shrinks the window: the own machine had no descriptor, port
// or buffer left.
func (p *pace) strained(now time.Duration, inFlight int) {
	p.blocked = now + 20*time.Millisecond
	p.window, p.cautious = max(float64(inFlight)*3/4, leastWindow), true
}

// timeout is how long an answer is awaited, going by the answers so far.
func (p *pace) timeout() time.Duration {
	if p.srtt == 0 {
		return patient
	}
	return min(max(p.srtt+4*p.rttvar, p.brief), patient)
}

// meter counts events over the last second, in eighths of it.
type meter struct {
	slots [8]int
	at    [8]time.Duration // which eighth the slot counts, from 1; 0 is none
}

// add counts one event.
func (m *meter) add(now time.Duration) {
	eighth := now/(time.Second/8) + 1
	i := eighth % 8
	if m.at[i] != eighth {
		m.at[i], m.slots[i] = eighth, 0
	}
	m.slots[i]++
}

// perSecond is the rate over the last second, the running eighth aside.
func (m *meter) perSecond(now time.Duration) float64 {
	eighth := now/(time.Second/8) + 1
	total, span := 0, 0
	for i, at := range m.at {
		if at != 0 && at < eighth && eighth-at < 8 {
			total += m.slots[i]
			span++
		}
	}
	if span == 0 {
		return float64(m.slots[eighth%8]) * 8
	}
	return float64(total) * 8 / float64(span)
}
