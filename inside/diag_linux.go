package inside

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

const (
	// dumpTries bounds how often a dump is asked for again after the kernel said
	// that its table changed beneath it (NLM_F_DUMP_INTR).
	dumpTries = 4
	// dumpTimeout is for a kernel that does not answer at all: 100,000 sockets
	// take it less than half a second.
	dumpTimeout = 10 * time.Second
)

// dumps is everything that accepts traffic. An MPTCP listener shows as the TCP
// one that it is to those who connect, with the inode of its own file
// descriptor (net/mptcp/subflow.c), so that it needs no dump of its own.
var dumps = [...]struct {
	proto                   portvigil.Proto
	family, protocol, state uint8
}{
	{portvigil.TCP, familyIPv4, protocolTCP, stateListen},
	{portvigil.TCP, familyIPv6, protocolTCP, stateListen},
	{portvigil.UDP, familyIPv4, protocolUDP, stateClose},
	{portvigil.UDP, familyIPv6, protocolUDP, stateClose},
}

// kernelSockets lists the TCP listeners and the bound, unconnected UDP sockets of
// the calling thread's network namespace. Some of them with an error means that
// one kind could not be listed (a kernel without udp_diag, say).
func kernelSockets(ctx context.Context) ([]Socket, error) {
	conn, err := netlink.Dial(unix.NETLINK_SOCK_DIAG, nil)
	if err != nil {
		return nil, fmt.Errorf("open sock_diag: %w", err)
	}
	defer conn.Close()
	deadline := time.Now().Add(dumpTimeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, fmt.Errorf("bound the wait for sock_diag: %w", err)
	}
	var sockets []Socket
	var failed []error
	names := interfaceNames{}
	for _, d := range dumps {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := dump(conn, d.family, d.protocol, d.state)
		if err != nil {
			failed = append(failed, fmt.Errorf("list %s sockets of address family %d: %w", d.proto, d.family, err))
			continue
		}
		for _, s := range found {
			sockets = append(sockets, s.socket(d.proto, names.of))
		}
	}
	return sockets, errors.Join(failed...)
}

// dump asks for one family, protocol and state until the answer is consistent.
func dump(conn *netlink.Conn, family, protocol, state uint8) ([]diagSocket, error) {
	for range dumpTries {
		answers, err := conn.Execute(netlink.Message{
			Header: netlink.Header{Type: sockDiagByFamily, Flags: netlink.Request | netlink.Dump},
			Data:   diagRequest(family, protocol, state),
		})
		if err != nil {
			return nil, err
		}
		found, consistent, err := parseDump(answers, family, state)
		if err != nil || consistent {
			return found, err
		}
	}
	return nil, fmt.Errorf("the table changed during each of %d reads", dumpTries)
}

// parseDump reads the answers of one dump, and whether the kernel calls it
// consistent.
func parseDump(answers []netlink.Message, family, state uint8) (found []diagSocket, consistent bool, err error) {
	for _, m := range answers {
		if m.Header.Flags&netlink.DumpInterrupted != 0 {
			return nil, false, nil
		}
		if m.Header.Type != sockDiagByFamily {
			continue
		}
		s, err := parseDiag(m.Data)
		if err != nil {
			return nil, false, err
		}
		if s.family == family && s.state == state && s.port != 0 {
			found = append(found, s)
		}
	}
	return found, true, nil
}

// interfaceNames remembers the names of interfaces for the length of one listing.
type interfaceNames map[uint32]string

func (n interfaceNames) of(index uint32) string {
	name, known := n[index]
	if !known {
		// An interface that has just gone leaves its number.
		name = "if" + strconv.FormatUint(uint64(index), 10)
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		n[index] = name
	}
	return name
}
