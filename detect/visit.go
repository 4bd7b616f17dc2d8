package detect

import (
	"bytes"
	"context"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

// visit is everything about asking one endpoint once. It belongs to one
// goroutine.
type visit struct {
	endpoint   netip.AddrPort
	serverName string // a DNS name, "" where none is known
	o          Options
	protocols  []*protocol
	began      time.Time
	deadline   time.Time
}

// dnsName is what may stand as a server name in TLS and as Host in HTTP.
var dnsName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}\.?)*$`)

func newVisit(ep netip.AddrPort, serverName string, o Options) *visit {
	v := &visit{endpoint: ep, o: o.filled(), protocols: protocols(), began: time.Now()}
	v.deadline = v.began.Add(v.o.Timeout)
	if _, err := netip.ParseAddr(serverName); err != nil && len(serverName) <= 253 && dnsName.MatchString(serverName) {
		v.serverName = serverName
	}
	return v
}

// clip returns the moment d from now, no later than the visit's deadline.
func (v *visit) clip(d time.Duration) time.Time {
	if t := time.Now().Add(d); t.Before(v.deadline) {
		return t
	}
	return v.deadline
}

// over reports whether no time is left for another question.
func (v *visit) over() bool { return !time.Now().Before(v.deadline) }

// tell passes a step to whoever wants an explanation. The bytes are copied.
func (v *visit) tell(kind StepKind, probe string, b []byte, text string) {
	if v.o.Explain == nil {
		return
	}
	v.o.Explain(Step{v.endpoint, time.Since(v.began), kind, probe, bytes.Clone(b), text})
}

// transport opens connections that speak the same layer: bare, or inside TLS.
type transport struct {
	secure bool
	open   func(ctx context.Context) (*wire, error)
}

// finding is what was learnt through one transport.
type finding struct {
	reading
	known  bool   // reading says something
	answer []byte // the bytes that show it, or the first that came
}

// afterReset is how long an answer is looked for on a connection that the peer
// closed while it was being asked: what came is here already.
const afterReset = 100 * time.Millisecond

// and returns what is known after a further step learnt g.
func (f finding) and(g finding) finding {
	switch {
	case f.known && g.known && g.service.Name == nameOfTLS:
		// The web server that asked for TLS has told more of itself before.
		f.service.TLS, f.service.Certificate = true, g.service.Certificate
		return f
	case g.known, !f.known && len(f.answer) == 0:
		return g
	}
	return f
}

// explore asks through the transport until somebody knows the answer. first may
// be an open connection on which nothing was sent, nil for none.
func (v *visit) explore(ctx context.Context, t transport, first *wire) finding {
	var best finding
	asked := make(map[string]bool)
	steps := v.order(t.secure)
	w := first
	for len(steps) > 0 && !v.over() && ctx.Err() == nil {
		step := steps[0]
		steps = steps[1:]
		if asked[step] {
			continue
		}
		asked[step] = true
		if w == nil {
			var err error
			if w, err = t.open(ctx); err != nil {
				v.tell(StepEnded, step, nil, err.Error())
				break
			}
		}
		f, next, reuse := v.ask(ctx, t, w, step)
		if !reuse {
			_ = w.Close() // what it had to say has been read
			w = nil
		}
		best = best.and(f)
		switch {
		case next != "" && !asked[next]:
			steps = append([]string{next}, steps...)
		case best.known, step == stepListen && len(f.answer) > 0:
			steps = nil // who speaks first waits for no question of ours
		}
	}
	if w != nil {
		_ = w.Close()
	}
	return best
}

// ask takes one step on the connection. next names the step that the answer
// asks for; reuse tells that the connection is untouched.
func (v *visit) ask(ctx context.Context, t transport, w *wire, step string) (f finding, next string, reuse bool) {
	w.probe = step
	if step == stepTLS {
		return v.askTLS(ctx, w)
	}
	h := v.patience(step, t.secure)
	if step != stepListen {
		p := v.protocols[slices.IndexFunc(v.protocols, func(p *protocol) bool { return p.name == step })]
		h.limit, h.whole = p.limit, p.whole()
		if w.say(p.request(v)) != nil {
			// What came before the peer closed may still be there to be read.
			h.first = afterReset
		}
	}
	answer, alive := w.hear(h)
	if len(answer) == 0 {
		return finding{}, "", alive && step == stepListen
	}
	p, r, known := v.read(answer)
	if !known {
		if !t.secure && looksLikeTLS(answer) {
			next = stepTLS
		}
		return finding{answer: answer}, next, false
	}
	v.tell(StepRule, w.probe, nil, r.rule+" says "+r.service.Label())
	switch {
	case !t.secure && wantsTLS(answer, r):
		next = stepTLS
	case p.request != nil && p.name != step:
		// It answered to somebody else's question; its own tells more.
		next = p.name
	case p.further != nil:
		p.further(ctx, v, w, answer, &r)
	}
	return finding{r, true, answer}, next, false
}

// read offers the answer to every protocol.
func (v *visit) read(answer []byte) (*protocol, reading, bool) {
	for _, p := range v.protocols {
		if r, ok := p.read(answer, v.endpoint.Port()); ok {
			return p, r, true
		}
	}
	return nil, reading{}, false
}
