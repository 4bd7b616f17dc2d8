package scan

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// TestTheOddsOfABlindForger computes what confirm.go states: the most that a forger who
// reaches a share of our ports can get from one look at a trial, and from a whole look.
func TestTheOddsOfABlindForger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		asks      float64
		once, all float64
	}{
		{"an open port", openAsks, 3.2e-7, 4e-6},
		{"an error", errorAsks, 5.6e-6, 6e-5},
	} {
		once, all := 0.0, 0.0
		for p := 0.0005; p < 1; p += 0.0005 {
			hit := math.Pow(p, c.asks) * math.Pow(1-p, silentSockets(c.asks))
			seen := 1 - math.Pow(1-p, silentSockets(c.asks)) // a socket that asked nothing hears it
			once = max(once, hit)
			all = max(all, trialTries*hit*mostForged/seen)
		}
		if once > c.once || once < c.once*0.9 {
			t.Errorf("%s, one look at a trial: %.3g, stated is %.3g", c.name, once, c.once)
		}
		if all > c.all || all < c.all*0.7 {
			t.Errorf("%s, a whole look: %.3g, stated is %.3g", c.name, all, c.all)
		}
	}
}

func silentSockets(asks float64) float64 { return trialSockets - asks }

// world runs a look against what answers questions and what comes unasked.
type world struct {
	answers func(q inquiry) answerKind            // to questions, proving nothing
	unasked func(d *datagrams, now time.Duration) // ten times a second
}

func (w world) look(t *testing.T, ports *portvigil.PortSet) (*portvigil.Look, *datagrams, time.Duration) {
	t.Helper()
	d := newDatagrams(newPlan(newRoster(ports, nil), 7), newPace(autoRate, 1<<16), false)
	flooded := -time.Second
	for now := time.Duration(0); now < 5*time.Minute; {
		q, wait, done := d.next(now)
		if done {
			look := &portvigil.Look{Ports: ports, Proto: portvigil.UDP}
			d.fill(look)
			return look, d, now
		}
		if w.unasked != nil && now-flooded >= time.Second/10 {
			flooded = now
			w.unasked(d, now)
		}
		if q.port == 0 {
			now += max(wait, time.Millisecond)
			continue
		}
		kind := w.answers(q)
		if kind == answerNone {
			continue
		}
		a := answer{kind: kind}
		if q.socket == 0 {
			d.hear(q.port, a, false, &portvigil.Service{})
		} else {
			d.hearIn(d.trial.number, q.socket, q.port, a, false, &portvigil.Service{})
		}
	}
	t.Fatal("the look did not end")
	return nil, nil, 0
}

func TestWhatShowsNothingIsAskedAgain(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name    string
		ports   int
		answers func(q inquiry) answerKind
		open    int
		state   portvigil.PortState
		code    string
		within  time.Duration
	}{
		{"services that repeat nothing", 1000, func(q inquiry) answerKind {
			if q.port == 13 || q.port == 19 || q.port == 69 {
				return answerOpen
			}
			return answerNone
		}, 3, portvigil.StateOpenFiltered, "", 6 * time.Second},
		{"a way that loses a tenth", 1000, func(q inquiry) answerKind {
			if (q.port == 13 || q.port == 19 || q.port == 69) && random.IntN(10) > 0 {
				return answerOpen
			}
			return answerNone
		}, 3, portvigil.StateOpenFiltered, "", 8 * time.Second},
		{"an answer that comes once", 100, func(q inquiry) answerKind {
			if q.port == 13 || q.port == 19 && q.socket == 0 {
				return answerOpen
			}
			return answerNone
		}, 1, portvigil.StateOpenFiltered, "unconfirmed", 9 * time.Second},
		{"errors that quote nothing", 200, func(q inquiry) answerKind {
			if q.port == 13 {
				return answerOpen
			}
			return answerClosed
		}, 1, portvigil.StateClosed, "", 8 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			look, _, took := world{answers: c.answers}.look(t, firstPorts(c.ports))
			code := ""
			if len(look.Notes) > 0 {
				code = portvigil.NoteCode(look.Notes[0])
			}
			if look.Count(portvigil.StateOpen) != c.open || look.DefaultState != c.state || code != c.code || !look.Complete {
				t.Errorf("%d open, default %s, complete %v, notes %q", look.Count(portvigil.StateOpen), look.DefaultState, look.Complete, look.Notes)
			}
			if took > c.within {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestAFloodOpensAndClosesNothing has a forger know the port of the look's own socket, and
// reach a share of all others, with answers and errors for all ports that are looked at.
func TestAFloodOpensAndClosesNothing(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.001, 1.0 / 61, 1.0 / 16, 0.3, 1} {
		random := rand.New(rand.NewPCG(3, uint64(share*1e6)))
		reached := map[[2]int]bool{}
		reach := func(trial, socket int) bool {
			key := [2]int{trial, socket}
			if _, drawn := reached[key]; !drawn {
				reached[key] = random.Float64() < share
			}
			return reached[key]
		}
		for range 20 {
			clear(reached)
			look, d, _ := world{
				answers: func(inquiry) answerKind { return answerNone },
				unasked: func(d *datagrams, _ time.Duration) {
					for port := range uint16(101) {
						kind := answerOpen
						if port%2 == 0 {
							kind = answerClosed
						}
						d.hear(port, answer{kind: kind}, false, &portvigil.Service{})
						if d.trial == nil {
							continue
						}
						for socket := 1; socket <= trialSockets; socket++ {
							if reach(d.trial.number, socket) {
								d.hearIn(d.trial.number, socket, port, answer{kind: kind}, false, nil)
								if d.trial == nil {
									break
								}
							}
						}
					}
				},
			}.look(t, firstPorts(100))
			if n := look.Count(portvigil.StateOpen) + look.Count(portvigil.StateClosed); n > 0 {
				t.Errorf("a share of %v opened or closed %d ports", share, n)
			}
			if look.Complete || d.forged > 0 && portvigil.NoteCode(look.Notes[0]) != "forged-answers" {
				t.Errorf("a share of %v: complete %v, %d trials forged, notes %q", share, look.Complete, d.forged, look.Notes)
			}
		}
	}
}
