package lab

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil/scan"
)

// Receipts counts, at a target, the SYN packets of a scan that arrive there: below the
// packet filter, and told from all others by their mark (docs/receipts.md).
type Receipts struct {
	fd     int
	marker scan.Marker
	ended  sync.WaitGroup

	mu      sync.Mutex
	arrived map[uint16]map[uint16]int // by port, and the port that it came from
	foreign int
	stopped bool
	err     error
}

// Receipts counts the packets of the scan with the key that arrive at the host's IPv4
// address, until the test ends or they are asked for.
func (h *Host) Receipts(t testing.TB, key scan.Key) *Receipts {
	t.Helper()
	r := &Receipts{marker: key.Marker(h.IP4), arrived: map[uint16]map[uint16]int{}}
	err := h.Do(func() (err error) {
		r.fd, err = openReceipts(h.IP4)
		return err
	})
	if err != nil {
		t.Fatalf("count packets at %s: %v", h.Name, err)
	}
	r.ended.Go(r.count)
	t.Cleanup(r.stop)
	return r
}

// openReceipts opens a socket that hears SYN packets to the address, and no others:
// IPv4 with TCP, no fragment but the first, SYN set and ACK not.
func openReceipts(to netip.Addr) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	address := to.As4()
	raw, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_TCP, SkipTrue: 8},
		bpf.LoadAbsolute{Off: 16, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(address[:]), SkipTrue: 6},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 4},
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 13, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0x12},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x02, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 80},
	})
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	program := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		program[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	err = errors.Join(
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16([]byte{unix.ETH_P_IP >> 8, unix.ETH_P_IP & 0xff})}))
	if err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// count takes packets until the socket is closed.
func (r *Receipts) count() {
	packet := make([]byte, 80)
	for {
		n, _, err := unix.Recvfrom(r.fd, packet, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			if r.over() {
				return
			}
			continue
		case err != nil:
			r.mu.Lock()
			defer r.mu.Unlock()
			r.err = err
			return
		}
		r.take(packet[:n])
	}
}

// take counts a SYN by its mark.
func (r *Receipts) take(packet []byte) {
	tcp := packet[min(int(packet[0]&15)*4, len(packet)):]
	if len(tcp) < 8 {
		return
	}
	source, port := binary.BigEndian.Uint16(tcp), binary.BigEndian.Uint16(tcp[2:])
	r.mu.Lock()
	defer r.mu.Unlock()
	if binary.BigEndian.Uint32(tcp[4:]) != r.marker.Mark(source, port) {
		r.foreign++
		return
	}
	if r.arrived[port] == nil {
		r.arrived[port] = map[uint16]int{}
	}
	r.arrived[port][source]++
}

// stop ends the counting once what has arrived was taken.
func (r *Receipts) stop() {
	r.mu.Lock()
	again := r.stopped
	r.stopped = true
	r.mu.Unlock()
	r.ended.Wait()
	if !again {
		_ = unix.Close(r.fd) // all was read
	}
}

func (r *Receipts) over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// Count ends the counting, and returns how many of the scan's packets arrived, how many
// ports those were to, and how many SYN of others there were.
func (r *Receipts) Count(t testing.TB) (arrived, ports, foreign int) {
	t.Helper()
	dropped, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil || dropped.Drops > 0 {
		t.Fatalf("packets were not counted: %+v %v", dropped, err)
	}
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		t.Fatalf("count packets: %v", r.err)
	}
	for _, sources := range r.arrived {
		for _, n := range sources {
			arrived += n
		}
	}
	return arrived, len(r.arrived), r.foreign
}
