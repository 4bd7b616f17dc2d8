package detect

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/portvigil/portvigil"
)

// A printer with a raw port (JetDirect, 9100 to 9107) prints whatever it is
// sent. Prometheus exporters use the same numbers, so the ports are not simply
// left alone: a printer also offers LPD or IPP, which an exporter's host hardly
// ever does to the outside. Where a look saw one of those open, only listening
// is done; where no look covered them, a connection to each tells, on which
// nothing is sent.
const (
	firstRawPort, lastRawPort = 9100, 9107
	neighbourWait             = time.Second
)

// printerPorts are LPD (RFC 1179) and IPP (RFC 8010).
var printerPorts = []uint16{515, 631}

// mayPrint reports whether what is sent to the endpoint may end on paper.
func (v *visit) mayPrint(ctx context.Context) bool {
	port := v.endpoint.Port()
	if port < firstRawPort || port > lastRawPort {
		return false
	}
	for _, p := range printerPorts {
		if v.neighbourOpen(ctx, p) {
			v.tell(StepNote, "", nil, "port "+strconv.Itoa(int(p))+" is open too: this may be a printer, which prints what it is sent, so nothing is sent")
			return true
		}
	}
	return false
}

// neighbourOpen reports whether another port of the host is open, going by the
// look where it covered the port, else by connecting to it.
func (v *visit) neighbourOpen(ctx context.Context, port uint16) bool {
	if v.o.Look != nil {
		switch v.o.Look.At(port).State {
		case portvigil.StateOpen:
			return true
		case portvigil.StateClosed, portvigil.StateFiltered:
			return false
		}
	}
	ctx, cancel := context.WithTimeout(ctx, neighbourWait)
	defer cancel()
	conn, err := v.o.Dial(ctx, "tcp", netip.AddrPortFrom(v.endpoint.Addr(), port).String())
	if err != nil {
		return false
	}
	_ = conn.Close() // that it opened is all
	return true
}
