package web

import (
	"net/http"
	"net/netip"
	"strings"
)

// source returns the address that a request comes from; behind a proxy, the one
// that the proxy next to us put last into X-Forwarded-For. What stands before
// that, anybody can have written. The zero address is one that is not known.
func (d *Doorkeeper) source(r *http.Request) netip.Addr {
	if d.BehindProxy {
		lines := r.Header.Values("X-Forwarded-For")
		if len(lines) > 0 {
			list := strings.Split(lines[len(lines)-1], ",")
			if a, err := netip.ParseAddr(strings.TrimSpace(list[len(list)-1])); err == nil {
				return a
			}
		}
	}
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}
