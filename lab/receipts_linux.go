package lab

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dchest/siphash"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Receipts are the SYN packets that arrived at a target: those of one scan, told from
// all others by their marks (docs/receipts.md), before the packet filter.
type Receipts struct {
	Arrived int            // of the scan
	Ports   map[uint16]int // how many of those went to each port
	Foreign int            // of anybody else

	key [2]uint64 // of the look at this target
}

// CountReceipts begins to count the packets of the scan with that key which come to an
// address of the host. The count ends when what it returns is called, and at the latest
// with the test.
func (h *Host) CountReceipts(t testing.TB, address netip.Addr, key [16]byte) (count func() Receipts) {
	t.Helper()
	target := address.As16()
	r := Receipts{Ports: map[uint16]int{}}
	r.key[0], r.key[1] = siphash.Hash128(binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:]), target[:])
	fd := h.packetSocket(t, onlySYNTo(address))
	var stop atomic.Bool
	var counting sync.WaitGroup
	var err error
	counting.Go(func() {
		defer unix.Close(fd)
		if err = r.take(fd, &stop); err != nil {
			return
		}
		var stats *unix.TpacketStats
		if stats, err = unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil && stats.Drops > 0 {
			err = errors.New("the kernel could not hand over all packets")
		}
	})
	end := func() {
		stop.Store(true)
		counting.Wait()
	}
	t.Cleanup(end)
	return func() Receipts {
		t.Helper()
		if end(); err != nil {
			t.Fatalf("count packets at %s: %v", h.Name, err)
		}
		return r
	}
}

// onlySYNTo passes SYN to an address: no fragment but the first, SYN set and ACK not.
func onlySYNTo(address netip.Addr) []bpf.Instruction {
	const ip, protocol, to4 = etherHeader, 9, 16
	a := address.As4()
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherFour, SkipTrue: 10},
		bpf.LoadAbsolute{Off: ip + protocol, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protoTCP, SkipTrue: 8},
		bpf.LoadAbsolute{Off: ip + to4, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(a[:]), SkipTrue: 6},
		bpf.LoadAbsolute{Off: ip + 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 4},
		bpf.LoadMemShift{Off: ip},
		bpf.LoadIndirect{Off: ip + 13, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: flagSyn | flagAck | flagRst},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: flagSyn, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 128},
	}
}

// take counts packets until there is silence after stop.
func (r *Receipts) take(fd int, stop *atomic.Bool) error {
	packet := make([]byte, 128)
	for {
		n, _, err := unix.Recvfrom(fd, packet, 0)
		switch {
		case errors.Is(err, unix.EAGAIN) && stop.Load():
			return nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return err
		}
		if f := readFrame(packet[:n]); f.syn() {
			r.count(f)
		}
	}
}

// count tells by its mark whose a SYN is.
func (r *Receipts) count(f frame) {
	ports, sequence := f.rest[:4], binary.BigEndian.Uint32(f.rest[4:])
	if sequence != uint32(siphash.Hash(r.key[0], r.key[1], ports)) {
		r.Foreign++
		return
	}
	r.Arrived++
	r.Ports[f.door()]++
}
