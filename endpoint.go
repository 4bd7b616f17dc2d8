package portvigil

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Proto is a transport protocol as records, commands and baselines write it.
// The zero value stands for "no protocol": an inside look has none, because it
// sees them all.
type Proto string

// The protocols that a door can have.
const (
	TCP Proto = "tcp"
	UDP Proto = "udp"
)

// ParseProto reads "tcp" or "udp", in any case.
func ParseProto(s string) (Proto, error) {
	switch p := Proto(strings.ToLower(s)); p {
	case TCP, UDP:
		return p, nil
	}
	return "", Errorf(CodeInvalid, "protocol %q is neither tcp nor udp", s)
}

// Door is a protocol and a port on a host, whatever the address: people
// approve doors, and an exposure alert is about one.
type Door struct {
	Proto Proto
	Port  uint16
}

// String writes the door as commands take it: 22/tcp.
func (d Door) String() string { return strconv.Itoa(int(d.Port)) + "/" + string(d.Proto) }

// ParseDoor reads PORT/PROTO; a port alone means TCP.
func ParseDoor(s string) (Door, error) {
	number, proto, found := strings.Cut(s, "/")
	if !found {
		proto = string(TCP)
	}
	p, err := ParseProto(proto)
	if err != nil {
		return Door{}, err
	}
	port, err := parsePort(number)
	if err != nil {
		return Door{}, err
	}
	return Door{Proto: p, Port: port}, nil
}

// Endpoint is the thing that is open or not. An invalid Address stands for
// every address of the host: a wildcard listener that no view has seen under
// one address.
type Endpoint struct {
	Host    string     `json:"host"`
	Address netip.Addr `json:"address"`
	Proto   Proto      `json:"proto"`
	Port    uint16     `json:"port"`
}

// Door is the endpoint without its address.
func (e Endpoint) Door() Door { return Door{e.Proto, e.Port} }

// String writes the endpoint for people: db1 10.0.0.5 22/tcp.
func (e Endpoint) String() string {
	if !e.Address.IsValid() {
		return fmt.Sprintf("%s %s", e.Host, e.Door())
	}
	return fmt.Sprintf("%s %s %s", e.Host, e.Address, e.Door())
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 16)
	if err != nil || n == 0 {
		return 0, Errorf(CodeInvalid, "port %q is not a number from 1 to 65535", s)
	}
	return uint16(n), nil
}
