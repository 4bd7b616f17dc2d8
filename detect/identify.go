package detect

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/portvigil/portvigil"
)

// Identify asks what answers at the endpoint. serverName is the DNS name by
// which the host is known, for TLS and HTTP; "" or an address for none.
//
// It returns an error only where no connection could be completed; else the
// service is Connected, even if nothing else is known of it.
func Identify(ctx context.Context, ep netip.AddrPort, serverName string, o Options) (*portvigil.Service, error) {
	v := newVisit(ep, serverName, o)
	ctx, cancel := context.WithDeadline(ctx, v.deadline)
	defer cancel()
	w, err := v.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", ep, err)
	}
	if v.o.Silent || v.mayPrint(ctx) {
		return v.onlyListen(w), nil
	}
	bare := transport{open: v.dial}
	return v.explore(ctx, bare, w).asService(), nil
}

// onlyListen closes the connection after a greeting or the lack of one.
func (v *visit) onlyListen(w *wire) *portvigil.Service {
	defer w.Close()
	w.probe = stepListen
	var f finding
	f.answer, _ = w.hear(v.patience(stepListen, false))
	if len(f.answer) > 0 {
		_, f.reading, f.known = v.read(f.answer)
	}
	return f.asService()
}

// asService returns the service that was found, with its evidence.
func (f finding) asService() *portvigil.Service {
	s := f.service
	s.Connected = true
	s.Banner = append([]byte(nil), f.answer[:min(len(f.answer), maxBanner)]...)
	return &s
}
