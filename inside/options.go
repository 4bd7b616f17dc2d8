package inside

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// Options are what Take may be told. The zero value looks at the machine that
// it runs on.
type Options struct {
	// Root is where the machine's files begin: <Root>/proc, <Root>/etc/passwd,
	// <Root>/var/lib/dpkg. "" is "/". The sockets come from the kernel all the
	// same, unless Sockets is set.
	Root string
	// Host is the name that the look carries.
	Host string
	// Run is shared by looks that were started together; "" makes a new one.
	Run string
	// Sockets lists the sockets that accept traffic; nil asks the kernel.
	Sockets func(context.Context) ([]Socket, error)
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Root == "" {
		o.Root = "/"
	}
	if o.Run == "" {
		o.Run = portvigil.NewID()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Socket is one socket that accepts traffic, as the kernel lists it: several of
// them may be one portvigil.Listener.
type Socket struct {
	Proto portvigil.Proto
	// Address is as the kernel has it: an IPv6 socket that is bound to an IPv4
	// address has ::ffff:a.b.c.d, a link-local one carries its zone.
	Address netip.Addr
	Port    uint16
	V6Only  bool   // IPV6_V6ONLY; false on IPv4
	Device  string // SO_BINDTODEVICE, "" for all
	// Inode is what /proc/PID/fd calls it: socket:[Inode]. 0 where no file
	// descriptor can lead to it.
	Inode uint64
}

// defaultEphemeral is what Linux starts with (ip-sysctl: ip_local_port_range).
var defaultEphemeral = portvigil.PortRange{First: 32768, Last: 60999}

// Ephemeral returns the range that the kernel picks ports from for those who ask
// for none, from /proc/sys/net/ipv4/ip_local_port_range below root ("" is "/").
// With an error it returns Linux's default, which callers may use all the same.
func Ephemeral(root string) (portvigil.PortRange, error) {
	path := filepath.Join("/", root, "proc/sys/net/ipv4/ip_local_port_range")
	text, err := os.ReadFile(path)
	if err != nil {
		return defaultEphemeral, fmt.Errorf("read ephemeral ports: %w", err)
	}
	r, err := parseEphemeral(string(text))
	if err != nil {
		return defaultEphemeral, fmt.Errorf("read ephemeral ports from %s: %w", path, err)
	}
	return r, nil
}

func parseEphemeral(text string) (portvigil.PortRange, error) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return portvigil.PortRange{}, fmt.Errorf("%d numbers where two are expected", len(fields))
	}
	var bounds [2]uint16
	for i, f := range fields {
		n, err := strconv.ParseUint(f, 10, 16)
		if err != nil {
			return portvigil.PortRange{}, fmt.Errorf("parse port: %w", err)
		}
		bounds[i] = uint16(n)
	}
	if bounds[0] > bounds[1] {
		return portvigil.PortRange{}, fmt.Errorf("range %d to %d ends before it begins", bounds[0], bounds[1])
	}
	return portvigil.PortRange{First: bounds[0], Last: bounds[1]}, nil
}
