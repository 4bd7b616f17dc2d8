package scan

import (
	"slices"
	"time"
)

// role tells why a probe is sent: for its own port, or to see whether a door that
// is known to answer still does.
type role uint8

const (
	roleOrdinary  role = iota
	roleGiven          // a reference that the caller knows
	roleOpen           // a port that was open in this look
	roleClosed         // a port that answered with a reset in this look
	roleRejecting      // a port that answered with an ICMP, where nothing else answers
	roles
)

const (
	// roundEvery is how often known doors are asked while ports stay silent.
	roundEvery = time.Second
	// weakRoundEvery respects that Linux sends one ICMP error a second to a peer
	// (icmp_ratelimit, icmp(7)).
	weakRoundEvery = 2 * time.Second
	// restless is how long nothing may be heard with probes in flight before
	// known doors are asked.
	restless = 500 * time.Millisecond
	// roundAsks is how many answers of each kind a round takes, askNext apart: a
	// single one says little of a host that answers one probe in eight.
	roundAsks = 3
	askNext   = 100 * time.Millisecond
	// askAgain is the pause before a silent door's neighbour is asked.
	askAgain = 250 * time.Millisecond
	// silentPath is how long every known door may stay silent before the path
	// counts as dead; RULES section 1 asks for an end within 30 s of the cut.
	silentPath     = 10 * time.Second
	weakSilentPath = 20 * time.Second
	// holdAfter failures in one round is no chance loss: silence since the last
	// round is not believed. In a row they hold ordinary probes too.
	holdAfter = 2
	// blockedAfter failures in a row of one kind of door, while another kind
	// answers, is a firewall that changed its mind.
	blockedAfter = 5
	// rejectedAfter rejections in a row from doors that answered before.
	rejectedAfter = 3
	doorsKept     = 8 // of each role
)

// doors asks ports that are known to answer, in rounds: each kind until it has
// answered three times. Only a round without trouble makes the silence before it
// believable.
// Open and closed doors are told apart, as hosts limit resets on their own.
//
//	        silence, or restless          every kind answered
//	idle ─────────────────────────> round ────────────────────> idle, confirmed
//	                                │  ▲ ask the next door of a silent kind
//	                                └──┘ twice silent: hold · none at all for 10 s: dead
type doors struct {
	kinds     [roles]doorKind
	inRound   bool
	ended     time.Duration // of the last round
	everRound bool
	tainted   bool          // a kind failed holdAfter times in one round since the last confirmation
	heard     time.Duration // the last open or closed answer to any probe
	heardEver bool
	reacted   time.Duration // the last answer of any kind, rejections too
	failures  int           // since anything that counts was heard
	rejected  int           // those of them that were rejections by ICMP
}

type doorKind struct {
	ports    []uint16
	next     int
	asked    bool // a probe is on its way
	good     int  // answers in this round
	bad      int  // silence in this round
	answered bool // in this round, often enough
	ever     bool // one of them answered when asked
	failures int  // in a row
	askAt    time.Duration
}

// verdict is what the doors say of the path.
type verdict uint8

const (
	pathUnknown verdict = iota
	pathConfirmed
	pathLossy // one kind has just failed holdAfter times
	pathBlocked
)

// learn keeps a port as a door of its role.
func (d *doors) learn(r role, port uint16) {
	k := &d.kinds[r]
	if len(k.ports) < doorsKept && !slices.Contains(k.ports, port) {
		k.ports = append(k.ports, port)
	}
}

// strong reports whether there are doors that vouch for the path.
func (d *doors) strong() bool {
	return len(d.kinds[roleGiven].ports)+len(d.kinds[roleOpen].ports)+len(d.kinds[roleClosed].ports) > 0
}

// asks reports whether doors of the role are asked: rejecting ones only where
// there are no others.
func (d *doors) asks(r role) bool {
	return len(d.kinds[r].ports) > 0 && (r != roleRejecting || !d.strong())
}

// begin starts a round if one is due. Silences are those not yet confirmed.
func (d *doors) begin(now time.Duration, silences, inFlight int, force bool) {
	if d.inRound || !d.strong() && !d.asks(roleRejecting) {
		return
	}
	every := roundEvery
	if !d.strong() {
		every = weakRoundEvery
	}
	quiet := inFlight > 0 && now-max(d.heard, d.reacted) >= restless
	unheard := !d.heardEver && d.strong()
	if !(silences > 0 || quiet || unheard) || d.everRound && now-d.ended < every && !force {
		return
	}
	d.inRound, d.everRound = true, true
	for r := range d.kinds {
		k := &d.kinds[r]
		k.answered, k.good, k.bad, k.askAt = false, 0, 0, now
	}
}

// ask returns the next door to probe in a running round.
func (d *doors) ask(now time.Duration) (uint16, role, bool) {
	if !d.inRound {
		return 0, 0, false
	}
	for r := roleGiven; r < roles; r++ {
		k := &d.kinds[r]
		if d.asks(r) && !k.asked && !k.answered && now >= k.askAt {
			k.asked = true
			k.next++
			return k.ports[k.next%len(k.ports)], r, true
		}
	}
	return 0, 0, false
}

// unasked takes back a question that could not be sent.
func (d *doors) unasked(r role) { d.kinds[r].asked = false }

// hear notes an answer to any probe.
func (d *doors) hear(now time.Duration, a answer) {
	switch a.kind {
	case answerOpen, answerClosed:
		d.heard, d.reacted, d.heardEver = now, now, true
		d.failures, d.rejected = 0, 0
	case answerRejected:
		d.reacted = now
		if !d.strong() {
			d.failures = 0
		}
	}
}

// answered takes the answer of a door that was asked.
func (d *doors) answered(now time.Duration, r role, a answer) verdict {
	k := &d.kinds[r]
	k.asked = false
	if a.kind == answerOpen || a.kind == answerClosed || r == roleRejecting && a.kind == answerRejected {
		k.good++
		k.askAt, k.ever, k.failures = now+askNext, true, 0
		k.answered = k.good >= roundAsks || r == roleRejecting
		return d.roundOver(now)
	}
	k.failures++
	k.bad++
	d.failures++
	k.askAt = now + askAgain
	if a.kind == answerRejected {
		d.rejected++
	}
	if r == roleRejecting {
		k.answered = true // no second question: its answers are limited
		d.roundOver(now)
		return pathUnknown
	}
	return d.failed(now, r)
}

// failed judges a door that is silent or rejects.
func (d *doors) failed(now time.Duration, r role) verdict {
	k := &d.kinds[r]
	switch {
	case r == roleGiven && !k.ever && d.heardEver && k.failures >= holdAfter:
		k.ports = nil // others answer: these are no doors any more
		return d.roundOver(now)
	case d.rejected >= rejectedAfter && d.rejected == d.failures && d.heardEver,
		k.failures >= blockedAfter && d.otherAnswers(r):
		return pathBlocked
	case k.bad == holdAfter:
		d.tainted = true
		return pathLossy
	}
	return pathUnknown
}

func (d *doors) otherAnswers(r role) bool {
	for other := roleGiven; other < roles; other++ {
		if other != r && d.kinds[other].answered {
			return true
		}
	}
	return false
}

func (d *doors) roundOver(now time.Duration) verdict {
	for r := roleGiven; r < roles; r++ {
		if d.asks(r) && !d.kinds[r].answered {
			return pathUnknown
		}
	}
	d.inRound, d.ended = false, now
	return pathConfirmed
}

// holds reports whether ordinary probes wait until a silent door answers again.
func (d *doors) holds() bool {
	if !d.heardEver {
		return false // references alone may be wrong; the rest is still to be found
	}
	for r := roleGiven; r <= roleClosed; r++ {
		if d.kinds[r].failures >= holdAfter && len(d.kinds[r].ports) > 0 {
			return true
		}
	}
	return false
}

// dead reports whether every known door has been silent for too long.
func (d *doors) dead(now time.Duration) bool {
	if d.strong() {
		return d.failures >= 4 && now-d.heard >= silentPath
	}
	return d.failures >= 6 && now-d.reacted >= weakSilentPath
}

// wake is when a round needs attention next.
func (d *doors) wake(now time.Duration) time.Duration {
	wait := roundEvery
	if d.inRound {
		wait = askNext
	}
	return min(wait, 50*time.Millisecond)
}
