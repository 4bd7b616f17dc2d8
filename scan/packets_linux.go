package scan

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	// sendBatch is how many packets one system call hands to the kernel.
	sendBatch = 64
	// A frame of the ring holds what is read of a packet: the longest is an
	// ICMPv6 error with the headers of both packets.
	frameBytes    = 256
	snapBytes     = 160
	ringBlock     = 1 << 16
	fewFrames     = 4 * ringBlock / frameBytes  // of a look with a ceiling: answers to 0.4 s of 2,500 SYN/s
	manyFrames    = 64 * ringBlock / frameBytes // of one without
	hearAtOnce    = 256
	statusUser    = unix.TP_STATUS_USER
	statusKernel  = unix.TP_STATUS_KERNEL
	anyReceiverOf = 0 // interface index: answers may come back another way
)

// packets sends and hears whole IP packets from and to one of this machine's
// addresses, which needs CAP_NET_RAW. It hears below the kernel's firewall (packet(7),
// Documentation/networking/packet_mmap.rst), and sends either there, to a link-layer
// address, or through the kernel's IP (raw(7), ipv6(7)), which finds that address by
// itself and knows every kind of link.
type packets struct {
	in, link, kernel int // sockets
	ring             []byte
	frame            int // the next to be filled by the kernel
	frames           int

	messages [sendBatch]mmsghdr
	vectors  [sendBatch]unix.Iovec
	bytes    [sendBatch][synBytes]byte
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	sent   uint32
	_      [4]byte
}

// openPackets opens the sockets for probes that come from a source.
func openPackets(source netip.Addr, frames int) (_ *packets, err error) {
	p := &packets{in: -1, link: -1, kernel: -1, frames: frames}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	protocol := uint16(unix.ETH_P_IP)
	if source.Is6() {
		protocol = unix.ETH_P_IPV6
	}
	// A protocol of 0 hears nothing.
	if p.link, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	// Straight to the driver: a full queue is told by ENOBUFS, not by dropping.
	_ = unix.SetsockoptInt(p.link, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) // an old kernel goes the slower way
	if p.kernel, err = unix.Socket(int(familyOf(source)), unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW); err != nil {
		return nil, fmt.Errorf("open a raw socket: %w", err)
	}
	if p.in, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	if err = p.hearOnly(source); err != nil {
		return nil, fmt.Errorf("filter what comes in: %w", err)
	}
	if err = p.mapRing(); err != nil {
		return nil, fmt.Errorf("map a ring for what comes in: %w", err)
	}
	// Only from here on does anything come: no packet slips past the filter.
	if err = unix.Bind(p.in, &unix.SockaddrLinklayer{Protocol: networkOrder(protocol), Ifindex: anyReceiverOf}); err != nil {
		return nil, fmt.Errorf("listen to the link: %w", err)
	}
	for i := range p.messages {
		p.vectors[i].Base = &p.bytes[i][0]
		p.messages[i].header = unix.Msghdr{Iov: &p.vectors[i], Iovlen: 1}
	}
	return p, nil
}

func (p *packets) close() {
	if p.ring != nil {
		_ = unix.Munmap(p.ring) // the three only fail for what is not open
	}
	for _, fd := range []int{p.in, p.link, p.kernel} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// hearOnly lets nothing into the ring but what may answer a SYN, to whomever, so that a
// busy machine's own traffic costs hardly more.
func (p *packets) hearOnly(source netip.Addr) error {
	program := filterFour
	if source.Is6() {
		program = filterSix
	}
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	filters := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(p.in, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]})
}

// tcpFlags is where the flags are in a TCP header.
const tcpFlags = 13

// filterFour passes ICMP, SYN-ACKs, and resets that acknowledge something.
var filterFour = append([]bpf.Instruction{
	bpf.LoadAbsolute{Off: 9, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolICMP, SkipTrue: 7},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolTCP, SkipTrue: 5},
	bpf.LoadMemShift{Off: 0}, // how long the IP header is
	bpf.LoadIndirect{Off: tcpFlags, Size: 1},
}, passAnswers...)

// filterSix passes the same over IPv6, and all that has extension headers, or is neither
// TCP nor UDP.
var filterSix = append([]bpf.Instruction{
	bpf.LoadAbsolute{Off: 6, Size: 1},
	bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocolUDP, SkipTrue: 5},
	bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: protocolTCP, SkipTrue: 5},
	bpf.LoadAbsolute{Off: ipv6Header + tcpFlags, Size: 1},
}, passAnswers...)

// passAnswers passes where the flags that were loaded are those of an answer.
var passAnswers = []bpf.Instruction{
	bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: flagAck, SkipTrue: 2},
	bpf.JumpIf{Cond: bpf.JumpBitsNotSet, Val: flagSyn | flagRst, SkipTrue: 1},
	bpf.Jump{Skip: 1},
	bpf.RetConstant{Val: 0},
	bpf.RetConstant{Val: snapBytes},
}

func (p *packets) mapRing() error {
	if err := unix.SetsockoptInt(p.in, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2); err != nil {
		return err
	}
	size := p.frames * frameBytes
	request := unix.TpacketReq{Block_size: ringBlock, Block_nr: uint32(size / ringBlock), Frame_size: frameBytes, Frame_nr: uint32(p.frames)}
	if _, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(p.in), unix.SOL_PACKET, unix.PACKET_RX_RING,
		uintptr(unsafe.Pointer(&request)), unsafe.Sizeof(request), 0); errno != 0 {
		return errno
	}
	ring, err := unix.Mmap(p.in, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	p.ring = ring
	return err
}

// put makes probe i of the next send.
func (p *packets) put(i int, s *segment, source, port uint16, sequence uint32) {
	p.vectors[i].SetLen(s.write(p.bytes[i][:], source, port, sequence))
}

// send hands the first n packets over, past the kernel's IP where the hop's address is
// known, and returns how many the kernel took. None, with an error, means that the
// link's queue is full, that it is gone, or that there is no way.
func (p *packets) send(n int, h *hop, target *destination) (int, unix.Errno) {
	socket, to, size := p.kernel, unsafe.Pointer(&target.four), uint32(unix.SizeofSockaddrInet4)
	switch {
	case h.known:
		socket, to, size = p.link, unsafe.Pointer(&h.link), unix.SizeofSockaddrLinklayer
	case target.is6:
		to, size = unsafe.Pointer(&target.six), unix.SizeofSockaddrInet6
	}
	for i := range p.messages[:n] {
		p.messages[i].header.Name, p.messages[i].header.Namelen = (*byte)(to), size
	}
	sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(socket), uintptr(unsafe.Pointer(&p.messages[0])), uintptr(n), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(sent), 0
}

// next returns the next packet that came in, nil for none. It is valid until done
// is called.
func (p *packets) next() []byte {
	header := p.header()
	if atomic.LoadUint32(&header.Status)&statusUser == 0 {
		return nil
	}
	at := p.frame * frameBytes
	begin := int(header.Net)
	end := begin + int(header.Snaplen)
	if begin > frameBytes || end > frameBytes {
		return p.ring[at:at] // not what the kernel writes
	}
	return p.ring[at+begin : at+end]
}

// done gives the frame of the packet back to the kernel.
func (p *packets) done() {
	atomic.StoreUint32(&p.header().Status, statusKernel)
	p.frame = (p.frame + 1) % p.frames
}

func (p *packets) header() *unix.Tpacket2Hdr {
	return (*unix.Tpacket2Hdr)(unsafe.Pointer(&p.ring[p.frame*frameBytes]))
}

// networkOrder is a 16-bit number in network byte order, as packet(7) has it.
func networkOrder(n uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], n)
	return binary.NativeEndian.Uint16(b[:])
}
