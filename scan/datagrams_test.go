package scan

import (
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// datagramsTo runs a look at the first ports against a network, in virtual time.
func datagramsTo(t *testing.T, ports int, net func(now time.Duration, port uint16) answer) (*portvigil.Look, time.Duration) {
	t.Helper()
	set := firstPorts(ports)
	d := newDatagrams(newPlan(newRoster(set, nil), 7), newPace(autoRate, 1<<16), false)
	for now := time.Duration(0); now < time.Minute; {
		q, wait, done := d.next(now)
		port := q.port
		if done {
			look := &portvigil.Look{Ports: set, Proto: portvigil.UDP}
			d.fill(look)
			return look, now
		}
		if port == 0 {
			now += max(wait, time.Millisecond)
			continue
		}
		if a := net(now, port); a.kind != answerNone {
			d.hear(port, a, true, &portvigil.Service{Name: "dns"})
		}
	}
	t.Fatal("the look did not end")
	return nil, 0
}

func TestDatagramLooksEndAsTheRulesSay(t *testing.T) {
	t.Parallel()
	open, closed := answer{kind: answerOpen}, answer{kind: answerClosed}
	unreachable := answer{kind: answerUnreachable}
	rejected := icmpError{kind: icmpUnreachable, code: icmpAdminProhibited, fromTarget: true}.answer()
	errorsOfLinux := func() func(now time.Duration) bool { // a burst of six, then one a second
		tokens, last := 6.0, time.Duration(0)
		return func(now time.Duration) bool {
			tokens, last = min(6, tokens+(now-last).Seconds()), now
			if tokens < 1 {
				return false
			}
			tokens--
			return true
		}
	}
	for _, c := range []struct {
		name     string
		ports    int
		net      func() func(time.Duration, uint16) answer
		complete bool
		code     string // of the first note
		state    portvigil.PortState
		open     int
		within   time.Duration
	}{
		{"a door behind a firewall that drops", 1000, func() func(time.Duration, uint16) answer {
			return func(_ time.Duration, port uint16) answer {
				if port == 53 {
					return open
				}
				return answer{}
			}
		}, true, "", portvigil.StateOpenFiltered, 1, 6 * time.Second},
		{"closed ports of a host that sends errors as it likes", 1000, func() func(time.Duration, uint16) answer {
			return func(_ time.Duration, port uint16) answer {
				if port == 53 || port == 161 {
					return open
				}
				return closed
			}
		}, true, "", portvigil.StateClosed, 2, 3 * time.Second},
		{"closed ports of Linux", 1000, func() func(time.Duration, uint16) answer {
			may := errorsOfLinux()
			return func(now time.Duration, port uint16) answer {
				switch {
				case port == 53:
					return open
				case may(now):
					return closed
				}
				return answer{}
			}
		}, true, "icmp-limited", portvigil.StateOpenFiltered, 1, 6 * time.Second},
		{"nothing answers", 100, func() func(time.Duration, uint16) answer {
			return func(time.Duration, uint16) answer { return answer{} }
		}, false, "no-answer", portvigil.StateOpenFiltered, 0, 6 * time.Second},
		{"no route", 1000, func() func(time.Duration, uint16) answer {
			return func(time.Duration, uint16) answer { return unreachable }
		}, false, "dead-path", portvigil.StateOpenFiltered, 0, time.Second},
		{"a firewall that rejects", 100, func() func(time.Duration, uint16) answer {
			return func(_ time.Duration, port uint16) answer {
				if port == 53 {
					return open
				}
				return rejected
			}
		}, true, "", portvigil.StateFiltered, 1, 3 * time.Second},
		{"a way that is cut", 1000, func() func(time.Duration, uint16) answer {
			return func(now time.Duration, port uint16) answer {
				if port == 53 && now < time.Second {
					return open
				}
				return answer{}
			}
		}, false, "dead-path", portvigil.StateOpenFiltered, 1, 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			look, took := datagramsTo(t, c.ports, c.net())
			code := ""
			if len(look.Notes) > 0 {
				code = portvigil.NoteCode(look.Notes[0])
			}
			if look.Complete != c.complete || code != c.code || look.DefaultState != c.state || look.Count(portvigil.StateOpen) != c.open {
				t.Errorf("complete %v, default %s, %d open, notes %q", look.Complete, look.DefaultState, look.Count(portvigil.StateOpen), look.Notes)
			}
			if took > c.within {
				t.Errorf("took %v, want at most %v", took, c.within)
			}
		})
	}
}

// TestWhatWasNotSentIsNoSilence: the own machine cannot send every other datagram.
func TestWhatWasNotSentIsNoSilence(t *testing.T) {
	t.Parallel()
	set := firstPorts(300)
	d := newDatagrams(newPlan(newRoster(set, nil), 7), newPace(autoRate, 1<<16), false)
	left := [1 << 16]int{}
	n := 0
	for now := time.Duration(0); ; {
		q, wait, done := d.next(now)
		port := q.port
		if done {
			break
		}
		if port == 0 {
			if now += max(wait, time.Millisecond); now > 2*time.Minute {
				t.Fatal("the look did not end")
			}
			continue
		}
		if n++; n%2 == 0 {
			d.unsent(now, q)
			continue
		}
		if left[port]++; port == 53 {
			d.hear(port, answer{kind: answerOpen}, true, nil)
		}
	}
	if !d.complete() {
		t.Error("the look is not complete")
	}
	for port := range set.All() {
		if want := datagramTries; port != 53 && left[port] != want {
			t.Errorf("port %d was asked %d times, want %d", port, left[port], want)
		}
	}
}
