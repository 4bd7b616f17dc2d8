package scan

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// Options says how a look is done and what is written on it. Ports is required, and
// not changed afterwards; the zero value of the rest is a look at the default pace
// that knows nothing beforehand.
type Options struct {
	Ports    *portvigil.PortSet
	Proto    portvigil.Proto // TCP; UDP is asked by datagrams
	Method   Method          // of TCP
	HostRate Rate            // ceiling of SYN/s to the host; zero: auto
	// Rate is the ceiling of SYN/s in all, 0 for none: of the one look, or of all of a
	// sweep together.
	Rate int

	// Key marks the SYN packets; the zero value has every look draw its own.
	Key Key

	Vantage string
	Reach   portvigil.Reach
	Run     string
	Host    string // the host's name on the look; "": the target's

	// First is probed first: known listeners. nil: none.
	First *portvigil.PortSet
	// References are doors that are known to answer on this address. They may lie
	// outside of Ports and are no coverage; where they stay silent the path is dead.
	References []uint16
	// Progress, where set, is called at most four times a second, from one goroutine.
	Progress func(Progress)
}

// progressEvery is the least distance of two calls of Options.Progress.
const progressEvery = 250 * time.Millisecond

// Method is how the ports are asked.
type Method string

// The methods. SYN packets of its own need CAP_NET_RAW and are the quicker way;
// connecting needs no privilege. Auto is the former where it can be had, and the
// latter for addresses of the own machine. The look tells which it was.
const (
	Auto    Method = "auto" // as is ""
	SYN     Method = "syn"
	Connect Method = "connect"
)

// ParseMethod reads auto, syn or connect.
func ParseMethod(s string) (Method, error) {
	switch m := Method(s); m {
	case Auto, SYN, Connect:
		return m, nil
	}
	return "", portvigil.Errorf(portvigil.CodeInvalid, "method %s is neither auto, syn nor connect", portvigil.Quoted(s))
}

// Look looks at one address. The look says itself whether it is complete. When
// ctx ends, what is known so far is returned, incomplete, without an error.
//
// An error means that no look took place: CodeOutOfScope for an address that is
// never a target, CodeInvalid for options that make no sense, CodeForbidden where
// the method needs a privilege that the process lacks, CodeUnavailable where the
// own machine has no socket for it or no way there.
func Look(ctx context.Context, target Target, o Options) (look *portvigil.Look, err error) {
	if why := portvigil.NeverTarget(target.Address); why != "" {
		return nil, neverTarget(target.Address.Unmap(), why)
	}
	s, err := newSweep(o, 1)
	if err != nil {
		return nil, err
	}
	taken := false
	s.take = func() (*engine, bool) {
		if taken {
			return nil, false
		}
		taken = true
		return s.engine(target, 0), true
	}
	s.found = func(e *engine, looks []*portvigil.Look, failure error) {
		if err = failure; err == nil {
			look = looks[0]
		}
	}
	if failure := s.run(ctx); failure != nil {
		return nil, fmt.Errorf("look at %s: %w", target.Address, failure)
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", target.Address, err)
	}
	return look, nil
}

// engine is one look under way: what every method shares. The methods runConnect and
// runUDP are the operating system's part, and so is the sending of SYN packets, which
// is done for many looks at once.
type engine struct {
	target    Target
	number    uint64 // of the target among others
	address   netip.Addr
	conductor *conductor // of a look at TCP ports
	datagrams *datagrams // of one at UDP ports
	workers   int
	// exact tells that a ceiling holds: probes leave one by one, and each is
	// charged after it left.
	exact bool
	began time.Time                // with its monotonic reading
	shown atomic.Pointer[Progress] // of a look at UDP ports
	look  *portvigil.Look
}

func (e *engine) now() time.Duration { return time.Since(e.began) }

// progress is how far it is.
func (e *engine) progress() Progress {
	if e.conductor != nil {
		return e.conductor.progress(e.now())
	}
	if p := e.shown.Load(); p != nil {
		return *p
	}
	return Progress{}
}

// close writes into the look what came of it. A cause is why it was stopped.
func (e *engine) close(cause error) {
	look, finished := e.look, false
	if e.datagrams != nil {
		e.datagrams.fill(look)
		finished = e.datagrams.finished
	} else {
		e.conductor.fill(look)
		finished = e.conductor.finished
	}
	look.Started, look.Ended = e.began.UTC(), time.Now().UTC()
	if look.OwnAddress {
		look.Notes = append(look.Notes, "own-address: this machine holds the address, so it is not seen from outside")
	}
	if cause != nil && !finished {
		look.Notes = append(look.Notes, "stopped before it was done: "+cause.Error())
	}
}

func newLook(target Target, o Options) *portvigil.Look {
	host := o.Host
	if host == "" {
		host = target.Host
	}
	address := target.Address.Unmap()
	look := &portvigil.Look{
		ID: portvigil.NewID(), Run: o.Run, Host: host,
		View: portvigil.Outside, Vantage: o.Vantage, Reach: o.Reach,
		Address: address, Proto: portvigil.TCP, Ports: o.Ports,
		OwnAddress: ownAddress(address),
	}
	if o.Proto == portvigil.UDP {
		look.Proto, look.Method = portvigil.UDP, portvigil.MethodUDP
	}
	return look
}

// workersFor is two where speed is wanted and there is enough to do: the second
// pays for itself only beyond what one loop can send. A ceiling is exact only
// with one.
func workersFor(ceiling, ports int) int {
	if ceiling > 0 || ports < 4096 {
		return 1
	}
	return 2
}

// ownAddress reports whether this network namespace holds the address: the
// kernel answers a route to it with the address itself as the source, also where
// the interface is not up. No packet is sent by connecting a UDP socket.
func ownAddress(a netip.Addr) bool {
	if a.IsLoopback() {
		return true
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
	if err != nil {
		return false
	}
	defer conn.Close()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	return ok && local.AddrPort().Addr().Unmap().WithZone("") == a.WithZone("")
}
