package lab

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Arrivals are the moments at which SYN came to a host, by the kernel's time stamps,
// before its packet filter.
type Arrivals struct {
	at     []time.Duration // rising, since some moment
	Missed int             // that the kernel could not hand over: then all figures are too low
}

// Total is how many came.
func (a Arrivals) Total() int { return len(a.at) }

// Most is the most in any second, however that lies.
func (a Arrivals) Most() (most int) {
	first := 0
	for i, at := range a.at {
		for a.at[first] <= at-time.Second {
			first++
		}
		most = max(most, i-first+1)
	}
	return most
}

// Respected is how long it took from when more came in a second than a limiter lets
// through until a second began in which no more came than that, a tenth aside. False
// means that it never was; where it never was exceeded it took no time.
func (a Arrivals) Respected(limit int) (after time.Duration, ok bool) {
	limit += limit / 10
	exceeded := time.Duration(-1)
	for i, at := range a.at {
		if a.at[len(a.at)-1]-at < time.Second {
			break // no whole second begins here
		}
		over := i+limit < len(a.at) && a.at[i+limit] < at+time.Second
		switch {
		case over && exceeded < 0:
			exceeded = at
		case !over && exceeded >= 0:
			return at - exceeded, true
		}
	}
	return 0, exceeded < 0
}

// CountSYN begins to count the SYN that come to an address on a host. The count ends
// when what it returns is called, and at the latest with the test.
func (h *Host) CountSYN(t testing.TB, address netip.Addr) (count func() Arrivals) {
	t.Helper()
	fd := h.packetSocket(t, nil)
	var err error
	var stop atomic.Bool
	var counting sync.WaitGroup
	var a Arrivals
	counting.Go(func() {
		defer unix.Close(fd)
		if a.at, err = receiveSYN(fd, address, &stop); err != nil {
			return
		}
		var stats *unix.TpacketStats
		if stats, err = unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			a.Missed = int(stats.Drops)
		}
	})
	end := func() {
		stop.Store(true)
		counting.Wait()
	}
	t.Cleanup(end)
	return func() Arrivals {
		t.Helper()
		if end(); err != nil {
			t.Fatalf("count SYN: %v", err)
		}
		return a
	}
}

// packetSocket opens a socket that hears the frames which come to the host and which
// pass a filter, nil for all, with the kernel's time stamps. Receiving gives up after a
// twentieth of a second.
func (h *Host) packetSocket(t testing.TB, passes []bpf.Instruction) (fd int) {
	t.Helper()
	err := h.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // which hears nothing yet
		return err
	})
	if err != nil {
		t.Fatalf("open a packet socket: %v", err)
	}
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}))
	if raw, assembled := bpf.Assemble(passes); assembled == nil && passes != nil {
		filter := make([]unix.SockFilter, len(raw))
		for i, r := range raw {
			filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
		}
		err = errors.Join(err, unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}))
	} else {
		err = errors.Join(err, assembled)
	}
	err = errors.Join(err, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL)}))
	if err != nil {
		t.Fatalf("set up a packet socket: %v", err)
	}
	return fd
}

// receiveSYN takes the time stamp of every SYN to the address until there is silence
// after stop.
func receiveSYN(fd int, to netip.Addr, stop *atomic.Bool) (at []time.Duration, err error) {
	packet, control := make([]byte, 256), make([]byte, 128)
	for {
		n, size, _, _, err := unix.Recvmsg(fd, packet, control, 0)
		switch {
		case errors.Is(err, unix.EAGAIN) && stop.Load():
			slices.Sort(at)
			return at, nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		}
		if f := readFrame(packet[:n]); !f.syn() || f.to() != to {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(control[:size])
		if err != nil || len(messages) == 0 || len(messages[0].Data) < 16 {
			return nil, errors.New("a packet came without a time stamp")
		}
		stamp := messages[0].Data // struct timespec
		at = append(at, time.Duration(binary.NativeEndian.Uint64(stamp))*time.Second+time.Duration(binary.NativeEndian.Uint64(stamp[8:])))
	}
}
