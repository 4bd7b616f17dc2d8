package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// line is one end of the forwarder: it takes frames from there and gives frames to it.
type line interface {
	// next is the frame that came first, nil for none yet. It is valid until it is
	// called again.
	next(now time.Duration) []byte
	// put hands a frame over; it may leave only with the next flush.
	put(frame []byte)
	flush()
	// fd becomes readable when a frame comes.
	fd() int
	// lost is how many frames the line dropped by itself, against its duty.
	lost() int
	close()
}

const (
	// A frame of the ring holds the longest that Ethernet has, and the kernel's
	// words about it. As many as a scanner sends in the tenth of a second for which
	// somebody else may have the processor.
	ringFrame  = 2048
	ringFrames = 1 << 15
	ringBlock  = 1 << 20
	lineBatch  = 64
)

// veth is a line through a packet socket on a device: a ring that the kernel fills, and
// frames sent many at a time (packet(7), Documentation/networking/packet_mmap.rst).
type veth struct {
	socket int
	ring   []byte
	at     int  // the frame of the ring that comes next
	held   bool // the one before it is with the caller

	waiting  int
	messages [lineBatch]mmsghdr
	vectors  [lineBatch]unix.Iovec
	frames   [lineBatch][ringFrame]byte
	dropped  int
}

// mmsghdr is struct mmsghdr of sendmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	sent   uint32
	_      [4]byte
}

// openVeth opens a line in the network namespace of the thread.
func openVeth(device string) (_ *veth, err error) {
	link, err := net.InterfaceByName(device)
	if err != nil {
		return nil, err
	}
	// A protocol of 0 hears nothing until it is bound.
	v := &veth{}
	if v.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	defer func() {
		if err != nil {
			v.close()
		}
	}()
	request := unix.TpacketReq{Block_size: ringBlock, Block_nr: ringFrame * ringFrames / ringBlock, Frame_size: ringFrame, Frame_nr: ringFrames}
	if err = errors.Join(
		unix.SetsockoptInt(v.socket, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
		unix.SetsockoptInt(v.socket, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1),
		unix.SetsockoptInt(v.socket, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2)); err != nil {
		return nil, fmt.Errorf("set up a packet socket: %w", err)
	}
	if _, _, errno := unix.Syscall6(unix.SYS_SETSOCKOPT, uintptr(v.socket), unix.SOL_PACKET, unix.PACKET_RX_RING,
		uintptr(unsafe.Pointer(&request)), unsafe.Sizeof(request), 0); errno != 0 {
		return nil, fmt.Errorf("make a ring: %w", errno)
	}
	if v.ring, err = unix.Mmap(v.socket, 0, ringFrame*ringFrames, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
		return nil, fmt.Errorf("map the ring: %w", err)
	}
	if err = unix.Bind(v.socket, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: link.Index}); err != nil {
		return nil, fmt.Errorf("listen to %s: %w", device, err)
	}
	for i := range v.messages {
		v.vectors[i].Base = &v.frames[i][0]
		v.messages[i].header = unix.Msghdr{Iov: &v.vectors[i], Iovlen: 1}
	}
	return v, nil
}

// networkOrder is a number as packet(7) has it.
func networkOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

func (v *veth) header(at int) *unix.Tpacket2Hdr {
	return (*unix.Tpacket2Hdr)(unsafe.Pointer(&v.ring[at*ringFrame]))
}

func (v *veth) next(time.Duration) []byte {
	if v.held {
		atomic.StoreUint32(&v.header(v.at).Status, unix.TP_STATUS_KERNEL)
		v.at = (v.at + 1) % ringFrames
		v.held = false
	}
	h := v.header(v.at)
	if atomic.LoadUint32(&h.Status)&unix.TP_STATUS_USER == 0 {
		return nil
	}
	v.held = true
	begin := v.at*ringFrame + int(h.Mac)
	return v.ring[begin : begin+int(h.Snaplen)]
}

func (v *veth) put(frame []byte) {
	v.vectors[v.waiting].SetLen(copy(v.frames[v.waiting][:], frame))
	if v.waiting++; v.waiting == lineBatch {
		v.flush()
	}
}

// flush sends what waits. A device whose queue is full is given a moment; the forwarder
// may not lose what the wire has let through.
func (v *veth) flush() {
	for sent, tries := 0, 0; sent < v.waiting; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(v.socket), uintptr(unsafe.Pointer(&v.messages[sent])), uintptr(v.waiting-sent), 0, 0, 0)
		switch {
		case errno == 0:
			sent, tries = sent+int(n), 0
		case errno == unix.EINTR:
		case (errno == unix.ENOBUFS || errno == unix.EAGAIN) && tries < 100:
			tries++
			<-time.After(50 * time.Microsecond)
		default: // the device is down, or has gone with its namespace
			v.dropped += v.waiting - sent
			sent = v.waiting
		}
	}
	v.waiting = 0
}

func (v *veth) fd() int { return v.socket }

func (v *veth) lost() int {
	if stats, err := unix.GetsockoptTpacketStats(v.socket, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		v.dropped += int(stats.Drops) // reading it sets it back
	}
	return v.dropped
}

func (v *veth) close() {
	if v.ring != nil {
		_ = unix.Munmap(v.ring) // both only fail for what is not open
	}
	_ = unix.Close(v.socket)
}

// tap is a line to a device of the scanner's own, of which it takes only so many frames
// a second: more than that have to wait in the device's queue, and when that is full
// the kernel tells whoever sends (ENOBUFS).
type tap struct {
	file   int
	every  time.Duration // between two frames
	ready  time.Duration // when the next may be taken
	buffer [ringFrame]byte
	failed int
}

// openTap makes a device in the network namespace of the thread, and goes with it
// (Documentation/networking/tuntap.rst).
func openTap(device string, perSecond int) (*tap, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/net/tun", Err: err}
	}
	request, err := unix.NewIfreq(device)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("make the device %s: %w", device, err)
	}
	return &tap{file: fd, every: time.Second / time.Duration(perSecond)}, nil
}

func (t *tap) next(now time.Duration) []byte {
	if now < t.ready {
		return nil
	}
	n, err := unix.Read(t.file, t.buffer[:])
	if err != nil || n <= 0 {
		return nil
	}
	// A card that was idle starts anew; it does not catch up.
	t.ready = max(t.ready, now-time.Millisecond) + t.every
	return t.buffer[:n]
}

func (t *tap) put(frame []byte) {
	if _, err := unix.Write(t.file, frame); err != nil {
		t.failed++
	}
}

func (t *tap) flush() {}

func (t *tap) fd() int { return t.file }

func (t *tap) lost() int { return t.failed }

func (t *tap) close() { _ = unix.Close(t.file) } // it only fails for what is not open

// plain has a device of the thread's namespace make its packets whole before they
// leave. Between two ends of a veth the kernel leaves out checksums and cuts nothing up,
// which a packet socket would pass on as it is (Documentation/networking/checksum-offloads.rst).
func plain(device string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := [2]uint32{unix.ETHTOOL_STXCSUM, 0} // struct ethtool_value
	request := struct {                         // struct ifreq
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:unix.IFNAMSIZ-1], device)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("turn off the checksums of %s: %w", device, errno)
	}
	return nil
}
