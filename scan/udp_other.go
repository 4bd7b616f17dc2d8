//go:build !linux

package scan

import (
	"context"

	portvigil "github.com/portvigil/portvigil"
)

// runUDP needs Linux: elsewhere a socket that is not connected hears of no ICMP error.
func (e *engine) runUDP(context.Context, *datagrams) error {
	return portvigil.Errorf(portvigil.CodeUnavailable, "UDP ports are looked at from Linux only")
}
