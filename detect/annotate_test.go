package detect

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portvigil/portvigil"
)

// lookAt is an outside look that saw the ports open.
func lookAt(ports ...uint16) *portvigil.Look {
	l := &portvigil.Look{View: portvigil.Outside, Proto: portvigil.TCP, Address: netip.MustParseAddr("192.0.2.1"),
		Ports: portvigil.AllPorts(), DefaultState: portvigil.StateClosed}
	for _, p := range ports {
		l.Observations = append(l.Observations, portvigil.Observation{Port: p, State: portvigil.StateOpen})
	}
	return l
}

// piped is a peer in memory that runs serve for every connection.
type piped struct {
	serve   func(net.Conn)
	dialled atomic.Int64
	all     sync.WaitGroup // of the serving goroutines
}

func (p *piped) dial(context.Context, string, string) (net.Conn, error) {
	p.dialled.Add(1)
	here, there := net.Pipe()
	p.all.Go(func() {
		defer there.Close()
		p.serve(there)
	})
	return here, nil
}

func TestAnnotateFillsEveryOpenPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &piped{serve: says("SSH-2.0-dropbear_2022.83\r\n")}
		look := lookAt(22, 2022)
		look.Observations = append(look.Observations, portvigil.Observation{Port: 3000, State: portvigil.StateFiltered})
		Annotate(t.Context(), look, Options{Dial: p.dial})
		for _, o := range look.Observations {
			if want := o.State == portvigil.StateOpen; (o.Service.Label() == "Dropbear 2022.83") != want {
				t.Errorf("port %d: %s", o.Port, o.Service.Label())
			}
		}
	})
}

func TestADeviceThatAnswersEverywhereIsAskedWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ports []uint16
		for p := uint16(20000); p < 25000; p++ {
			ports = append(ports, p)
		}
		look := lookAt(append([]uint16{22}, append(ports, 50000)...)...)
		p := &piped{serve: drain}
		began := time.Now()
		Annotate(t.Context(), look, Options{Dial: p.dial, Parallel: 20})
		connected := 0
		for _, o := range look.Observations {
			if o.Service != nil && o.Service.Connected {
				connected++
			}
		}
		if want := maxIdentified + maxConfirmed; connected != want {
			t.Errorf("%d ports confirmed, want %d", connected, want)
		}
		// 200 silent ports at six seconds, twenty at a time.
		if d := time.Since(began); d > 61*time.Second {
			t.Errorf("took %s", d)
		}
	})
}

func TestACancelledAnnotateKeepsWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := &piped{serve: says("SSH-2.0-dropbear_2022.83\r\n")}
		look := lookAt(7000, 7001, 7002, 7003)
		Annotate(ctx, look, Options{Parallel: 1, Dial: func(c context.Context, network, addr string) (net.Conn, error) {
			if p.dialled.Load() == 1 {
				cancel()
				return nil, ctx.Err()
			}
			return p.dial(c, network, addr)
		}})
		if look.Observations[0].Service.Label() != "Dropbear 2022.83" || look.Observations[3].Service != nil {
			t.Errorf("services %v, %v", look.Observations[0].Service, look.Observations[3].Service)
		}
	})
}

func TestInsideLooksAreLeftAlone(t *testing.T) {
	t.Parallel()
	look := &portvigil.Look{View: portvigil.Inside, Observations: []portvigil.Observation{{Port: 22, State: portvigil.StateOpen}}}
	Annotate(t.Context(), look, Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("somebody was called")
		return nil, net.ErrClosed
	}})
}
