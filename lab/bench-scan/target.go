package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	portvigil "github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/scan"
	"golang.org/x/sys/unix"
)

// doorPorts are the target's open ports: low, high, neighbours and both ends.
var doorPorts = []int{1, 22, 25, 53, 80, 111, 443, 445, 993, 1883, 2049, 3306, 5432, 6379, 8080, 8081, 8443, 9100, 9200,
	11211, 15672, 20000, 27017, 31337, 40001, 40002, 49152, 55555, 65534, 65535}

// listen opens the doors on every address and accepts until its input ends.
func listen(ctx context.Context) error {
	var open []net.Listener
	var accepting sync.WaitGroup
	for _, port := range doorPorts {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", ":"+strconv.Itoa(port))
		if err != nil {
			return err
		}
		open = append(open, l)
		accepting.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_ = conn.Close() // a door that opens is all that is asked for
			}
		})
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	for _, l := range open {
		err = errors.Join(err, l.Close())
	}
	accepting.Wait()
	return err
}

// counted is what the target saw of SYN.
type counted struct{ Total, Most, Missed int }

// count takes the kernel's time stamp of every SYN to the address that comes in,
// until its input ends, and prints the most in any second.
func count(input io.Reader, output io.Writer, address string) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	if err != nil {
		return fmt.Errorf("open a packet socket: %w", err)
	}
	defer unix.Close(fd)
	if err := errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000})); err != nil {
		return fmt.Errorf("set up the packet socket: %w", err)
	}
	var ended atomic.Bool
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_, _ = io.Copy(io.Discard, input) // its end is the message
		ended.Store(true)
	})
	defer waiting.Wait()
	if _, err := fmt.Fprintln(output, "ready"); err != nil {
		return err
	}
	to, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	stamps, err := receive(fd, to, &ended)
	if err != nil {
		return err
	}
	stats, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return err
	}
	return json.NewEncoder(output).Encode(counted{Total: len(stamps), Most: mostInASecond(stamps), Missed: int(stats.Drops)})
}

func receive(fd int, to netip.Addr, ended *atomic.Bool) (stamps []int64, err error) {
	packet, oob := make([]byte, 256), make([]byte, 128)
	for {
		n, oobn, _, _, err := unix.Recvmsg(fd, packet, oob, 0)
		switch {
		case errors.Is(err, unix.EAGAIN) && ended.Load():
			return stamps, nil
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		}
		if !isSYN(packet[:n], to) {
			continue
		}
		messages, err := unix.ParseSocketControlMessage(oob[:oobn])
		if err != nil || len(messages) == 0 || len(messages[0].Data) < 16 {
			return nil, errors.New("a packet came without a time stamp")
		}
		data := messages[0].Data
		stamps = append(stamps, int64(binary.NativeEndian.Uint64(data))*int64(time.Second)+int64(binary.NativeEndian.Uint64(data[8:])))
	}
}

// isSYN reports whether an IP packet without extension headers is a SYN, and not
// a SYN-ACK, to the address (RFC 791, 8200, 9293).
func isSYN(packet []byte, to netip.Addr) bool {
	var tcp []byte
	switch {
	case len(packet) >= 40 && packet[0]>>4 == 4 && packet[9] == unix.IPPROTO_TCP:
		if !to.Is4() || [4]byte(packet[16:20]) != to.As4() {
			return false
		}
		tcp = packet[int(packet[0]&15)*4:]
	case len(packet) >= 60 && packet[0]>>4 == 6 && packet[6] == unix.IPPROTO_TCP:
		if !to.Is6() || [16]byte(packet[24:40]) != to.As16() {
			return false
		}
		tcp = packet[40:]
	}
	return len(tcp) >= 14 && tcp[13]&0x12 == 0x02
}

// mostInASecond slides a window that begins at each stamp over all of them.
func mostInASecond(stamps []int64) (most int) {
	slices.Sort(stamps)
	from := 0
	for i, at := range stamps {
		for stamps[from] <= at-int64(time.Second) {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }

// look is the package's own look, for where no binary has been built.
func look(ctx context.Context, address, rate string) error {
	r, err := scan.ParseRate(rate)
	if err != nil {
		return err
	}
	targets, err := scan.Resolve(ctx, address)
	if err != nil {
		return err
	}
	found, err := scan.Look(ctx, targets[0], scan.Options{Ports: portvigil.AllPorts(), Method: scan.Connect, HostRate: r})
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(os.Stdout)
	for _, o := range found.Observations {
		if err := encoder.Encode(map[string]any{"type": "port", "port": o.Port, "state": o.State}); err != nil {
			return err
		}
	}
	if !found.Complete {
		return fmt.Errorf("the look is not complete: %q", found.Notes)
	}
	return nil
}
