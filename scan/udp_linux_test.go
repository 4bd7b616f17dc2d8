package scan

import (
	"encoding/binary"
	"flag"
	"net/netip"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	portvigil "github.com/portvigil/portvigil"
)

// forger sends in the name of the target, from inside of its namespace, without seeing
// a question.
type forger struct {
	fd       int
	from, to netip.Addr
}

func (w *wire) forger() *forger {
	w.t.Helper()
	f := &forger{from: netip.MustParseAddr(wireFour), to: netip.MustParseAddr("10.96.0.1")}
	err := within(w.target, func() (err error) {
		f.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	if err != nil {
		w.t.Fatalf("open a raw socket: %v", err)
	}
	w.t.Cleanup(func() { shut(f.fd) })
	return f
}

// packet is an IPv4 packet without options; the kernel adds the checksum (raw(7)).
func (f *forger) packet(protocol uint8, from, to netip.Addr, payload []byte) []byte {
	p := make([]byte, ipv4Header, ipv4Header+len(payload))
	p[0], p[8], p[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(p[2:], uint16(ipv4Header+len(payload)))
	copy(p[12:], from.AsSlice())
	copy(p[16:], to.AsSlice())
	return append(p, payload...)
}

func datagramBytes(from, to uint16, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
	return append(append(b, 0, 0), payload...) // no checksum (RFC 768)
}

// answer is a datagram from a port of the target to a guess.
func (f *forger) answer(port, guess uint16, text string) []byte {
	return f.packet(unix.IPPROTO_UDP, f.from, f.to, datagramBytes(port, guess, text))
}

// unreachable is an error about a datagram that may have come from a guess.
func (f *forger) unreachable(port, guess uint16) []byte {
	about := f.packet(unix.IPPROTO_UDP, f.to, f.from, datagramBytes(guess, port, "")[:quoted])
	binary.BigEndian.PutUint16(about[10:], folded(sumOf(about)))
	icmp := append([]byte{icmpUnreachable, icmpPortUnreachable, 0, 0, 0, 0, 0, 0}, about...)
	binary.BigEndian.PutUint16(icmp[2:], folded(sumOf(icmp)))
	return f.packet(unix.IPPROTO_ICMP, f.from, f.to, icmp)
}

// send sends them by two threads, and again until there were so many.
func (f *forger) send(n int, make func(guess uint16) [][]byte) error {
	const threads = 2
	var all sync.WaitGroup
	var errs [threads]error
	for i := range threads {
		all.Go(func() {
			to := &unix.SockaddrInet4{Addr: as4(f.to)}
			for sent := 0; ; {
				for guess := lowestPort + i; guess < 1<<16; guess += threads {
					for _, p := range make(uint16(guess)) {
						if err := unix.Sendto(f.fd, p, 0, to); err != nil && err != unix.ENOBUFS {
							errs[i] = err
							return
						}
						if sent++; sent == n/threads {
							return
						}
					}
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var forged = flag.Int("forged", 200_000, "how many datagrams a flood has")

// TestAFloodOfForgedDatagramsOpensNothing: looks go on until it is over, and it goes to
// every port that a question may have come from.
func TestAFloodOfForgedDatagramsOpensNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		make  func(f *forger, guess uint16) [][]byte
		noted bool
	}{
		// Sweeps of all our ports, each a few hundredths of a second: every socket is hit, those
		// that ask nothing as well.
		{"for one port", func(f *forger, guess uint16) [][]byte {
			return [][]byte{f.answer(6000, guess, "hello")}
		}, true},
		{"errors about one port", func(f *forger, guess uint16) [][]byte {
			return [][]byte{f.unreachable(6000, guess)}
		}, true},
		// One sweep, with what those protocols may answer.
		{"for thirty ports", func(f *forger, guess uint16) (all [][]byte) {
			for port := uint16(6000); port < 6024; port++ {
				all = append(all, f.answer(port, guess, "hello"))
			}
			for _, port := range []uint16{123, 500, 5060, 161, 1900, 69} {
				answer, _ := serverSays(payloadTo(port), token{1})
				all = append(all, f.answer(port, guess, answer))
			}
			return all
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWire(t)
			w.answer(map[uint16]func([]byte) string{53: refusesDNS})
			w.firewall("udp dport { 69, 123, 161, 500, 1900, 5060, 6000-6023 } drop")
			f := w.forger()
			over := make(chan error, 1)
			go func() {
				over <- f.send(*forged, func(guess uint16) [][]byte { return c.make(f, guess) })
			}()
			looks, noted := 0, 0
			for ended := false; !ended; looks++ {
				look := w.look(lookRequest{Proto: portvigil.UDP, Target: at(wireFour), Ports: "U:53,69,123,161,500,1900,5060,6000-6023"}, nil)
				if n := look.Count(portvigil.StateOpen); n != 1 || look.Count(portvigil.StateClosed) > 0 {
					t.Errorf("%d open, %d closed: %+v", n, look.Count(portvigil.StateClosed), look.Observations)
				}
				if len(look.Notes) > 0 && portvigil.NoteCode(look.Notes[0]) == "forged-answers" {
					noted++
					if look.Complete {
						t.Errorf("a look is complete that notes %q", look.Notes)
					}
				}
				select {
				case err := <-over:
					if ended = true; err != nil {
						t.Fatal(err)
					}
				default:
				}
			}
			if c.noted && noted == 0 {
				t.Errorf("none of %d looks noted it", looks)
			}
			t.Logf("%d looks, %d of them noted it", looks, noted)
		})
	}
}

// TestWhatIsNoAnswerChangesNothing: empty, cut and giant datagrams, from this port and
// from others of the host.
func TestWhatIsNoAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.answer(map[uint16]func([]byte) string{
		53:   refusesDNS,
		123:  func(q []byte) string { return string(q[:7]) },
		500:  func([]byte) string { return string(make([]byte, 60000)) },
		5000: says(""),
		69:   func([]byte) string { return string(make([]byte, 60000)) },
	})
	look := w.look(lookRequest{Proto: portvigil.UDP, Target: at(wireFour), Ports: "U:50-200,500,5000"}, nil)
	for _, o := range look.Observations {
		// They are answers, and say nothing of what is there.
		if o.State != portvigil.StateOpen || o.Port != 53 && o.Service.Name != "" || len(o.Service.Banner) > mostDatagram {
			t.Errorf("port %d is %s, %q, %d bytes", o.Port, o.State, o.Service.Name, len(o.Service.Banner))
		}
	}
	if len(look.Observations) != 5 || !look.Complete {
		t.Errorf("%d ports differ, complete %v, notes %q", len(look.Observations), look.Complete, look.Notes)
	}
}
