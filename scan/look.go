package scan

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

// Options says how a look is done and what is written on it. Ports is required;
// the zero value of the rest is a look at the default pace that knows nothing
// beforehand.
type Options struct {
	Ports    *portvigil.PortSet
	Proto    portvigil.Proto // TCP; UDP is asked by datagrams
	Method   Method          // of TCP
	HostRate Rate            // ceiling of SYN/s to the host; zero: auto
	// Rate is the ceiling of SYN/s of this look in all, 0 for none. A caller that
	// runs looks side by side divides what it has among them.
	Rate int

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
func Look(ctx context.Context, target Target, o Options) (*portvigil.Look, error) {
	address := target.Address.Unmap()
	if why := portvigil.NeverTarget(address); why != "" {
		return nil, portvigil.Errorf(portvigil.CodeOutOfScope, "%s is never scanned: it is %s", address, why)
	}
	if o.Ports.Len() == 0 {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "no port to look at on %s", address)
	}
	if o.Proto == portvigil.UDP {
		return lookUDP(ctx, target, o)
	}
	ceiling := o.HostRate.ceiling(o.Rate)
	e := engine{
		address: address,
		workers: workersFor(ceiling, o.Ports.Len()),
		conductor: newConductor(
			newPlan(o.Ports, o.First, rand.Uint64()),
			newPace(ceiling, maxInFlight()),
			newTable(o.Ports, address.Is6()), o.References),
		began:    time.Now(),
		progress: o.Progress,
		exact:    ceiling > 0,
	}
	look := newLook(target, o)
	var err error
	if look.Method, err = e.run(ctx, o.Method, look.OwnAddress); err != nil {
		return nil, fmt.Errorf("look at %s: %w", address, err)
	}
	e.conductor.fill(look)
	e.close(ctx, look, e.conductor.finished)
	return look, nil
}

// lookUDP is Look at UDP ports.
func lookUDP(ctx context.Context, target Target, o Options) (*portvigil.Look, error) {
	address := target.Address.Unmap()
	e := engine{address: address, began: time.Now(), progress: o.Progress}
	decide := newDatagrams(newPlan(o.Ports, o.First, rand.Uint64()), newPace(o.HostRate.ceiling(o.Rate), 1<<16), o.Ports)
	look := newLook(target, o)
	look.Method = portvigil.MethodUDP
	if err := e.runUDP(ctx, decide); err != nil {
		return nil, fmt.Errorf("look at %s: %w", address, err)
	}
	decide.fill(look)
	e.close(ctx, look, decide.finished)
	return look, nil
}

// close writes into the look what does not depend on how it was done.
func (e *engine) close(ctx context.Context, look *portvigil.Look, finished bool) {
	look.Started, look.Ended = e.began.UTC(), time.Now().UTC()
	if look.OwnAddress {
		look.Notes = append(look.Notes, "own-address: this machine holds the address, so it is not seen from outside")
	}
	if cause := context.Cause(ctx); cause != nil && !finished {
		look.Notes = append(look.Notes, "stopped before it was done: "+cause.Error())
	}
}

func newLook(target Target, o Options) *portvigil.Look {
	host := o.Host
	if host == "" {
		host = target.Host
	}
	address := target.Address.Unmap()
	ports := new(portvigil.PortSet)
	ports.Union(o.Ports)
	proto := o.Proto
	if proto == "" {
		proto = portvigil.TCP
	}
	return &portvigil.Look{
		ID: portvigil.NewID(), Run: o.Run, Host: host,
		View: portvigil.Outside, Vantage: o.Vantage, Reach: o.Reach,
		Address: address, Proto: proto, Ports: ports,
		OwnAddress: ownAddress(address),
	}
}

// run looks by the method, and tells which one auto was.
func (e *engine) run(ctx context.Context, m Method, own bool) (portvigil.Method, error) {
	if m == SYN || m != Connect && !own {
		err := e.runSyn(ctx)
		if err == nil || m == SYN {
			return portvigil.MethodSYN, err
		}
		// Whatever kept it, nothing was sent yet; connecting tells in its own way what is wrong.
	}
	return portvigil.MethodConnect, e.runConnect(ctx)
}

// engine is what every method shares: where to, whose rules, and when it began.
// The methods runSyn and runConnect are the operating system's part.
type engine struct {
	address   netip.Addr
	conductor *conductor
	workers   int
	// exact tells that a ceiling holds: probes leave one by one, and each is
	// charged after it left.
	exact    bool
	began    time.Time // with its monotonic reading
	progress func(Progress)
}

func (e *engine) now() time.Duration { return time.Since(e.began) }

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
