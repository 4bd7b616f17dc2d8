package scan

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/bpf"

	portvigil "github.com/portvigil/portvigil"
)

func TestTheFilterPassesWhatMayBeAReply(t *testing.T) {
	t.Parallel()
	four, six := probeBytes(ourFour, theirFour, 40001, 443, 99), probeBytes(ourSix, theirSix, 40001, 443, 99)
	udp := answering(four, flagSyn|flagAck)
	udp[9] = protocolUDP
	udpSix := answering(six, flagSyn|flagAck)
	udpSix[6] = protocolUDP
	for _, c := range []struct {
		name   string
		packet []byte
		passes bool
	}{
		{"SYN-ACK", answering(four, flagSyn|flagAck), true},
		{"reset over IPv6", answering(six, flagRst|flagAck), true},
		{"SYN-ACK behind destination options", extended(answering(six, flagSyn|flagAck), extensionDestination), true},
		{"ICMP of a router", quoting(four, routerFour, 3, 13, 8), true},
		{"ICMPv6 of a router", quoting(six, routerSix, 1, 1, 24), true},
		{"SYN-ACK behind IP options", withOptions(answering(four, flagSyn|flagAck)), true},
		{"acknowledgment alone", answering(four, flagAck), false},
		{"acknowledgment alone over IPv6", answering(six, flagAck), false},
		{"data of a connection", answering(four, flagAck|1<<3), false},
		{"a SYN", four, false},
		{"a SYN over IPv6", six, false},
		{"a reset that acknowledges nothing", answering(four, flagRst), false},
		{"UDP", udp, false},
		{"UDP over IPv6", udpSix, false},
	} {
		program := filterFour
		if c.packet[0]>>4 == 6 {
			program = filterSix
		}
		vm, err := bpf.NewVM(program)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := vm.Run(c.packet); err != nil || n > 0 != c.passes {
			t.Errorf("%s: %d bytes pass (%v), want it to pass: %v", c.name, n, err, c.passes)
		}
	}
}

// withOptions puts four bytes of padding between the headers (RFC 791 section 3.1).
func withOptions(packet []byte) []byte {
	out := append(append(append([]byte{}, packet[:ipv4Header]...), 1, 1, 1, 0), packet[ipv4Header:]...)
	out[0]++
	return out
}

// forgeInNamespace floods an address with answers to probes that it may have sent:
// SYN-ACKs and resets from every port to every port, which acknowledge anything.
func forgeInNamespace(text string) error {
	var to netip.Addr
	var n int
	if _, err := fmt.Sscanf(text, "%s %d", &addressValue{&to}, &n); err != nil {
		return err
	}
	routes, err := openRoutes()
	if err != nil {
		return err
	}
	defer routes.close()
	way, err := routes.to(to)
	if err != nil {
		return err
	}
	out, err := openPackets(way.source, fewFrames)
	if err != nil {
		return err
	}
	defer out.close()
	hop, destination := hopOf(way), destinationOf(to)
	if address, state := routes.neighbour(way); state == neighbourKnown {
		hop.lies(address)
	}
	answers := newSegment(way.source, to)
	for n > 0 {
		for i := range sendBatch {
			out.put(i, &answers, uint16(rand.Uint32()), uint16(rand.Uint32()), rand.Uint32())
			tcp := out.bytes[i][answers.tcp:]
			binary.BigEndian.PutUint32(tcp[8:], rand.Uint32())
			tcp[13] = []byte{flagSyn | flagAck, flagRst | flagAck}[i%2]
		}
		sent, errno := out.send(sendBatch, hop, &destination)
		if errno != 0 && !strains(errno) {
			return errno
		}
		n -= sent
	}
	return nil
}

// addressValue reads an address.
type addressValue struct{ *netip.Addr }

// Scan reads one word.
func (a *addressValue) Scan(state fmt.ScanState, _ rune) error {
	word, err := state.Token(true, nil)
	if err != nil {
		return err
	}
	return a.UnmarshalText(word)
}

// TestForgedAnswersAreNotBelieved: somebody who can send in the target's name, and
// does not see the probes, floods the scanner while it looks.
func TestForgedAnswersAreNotBelieved(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.listen("22", "7000")
	w.firewall("tcp dport { 22, 7000, 7001 } accept", "tcp dport 1-4000 tcp flags syn / syn,ack drop")
	flood := exec.Command("ip", "netns", "exec", w.target, os.Args[0], "forge-in-namespace", "10.96.0.1 400000")
	flood.Stderr = os.Stderr
	look := w.look(lookRequest{Method: SYN, Target: at(wireFour), Ports: "1-7001", Rate: Rate{Unlimited: true}}, func() {
		if err := flood.Start(); err != nil {
			t.Fatal(err)
		}
	})
	if err := flood.Wait(); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for _, o := range look.Observations {
		filtered := o.Port <= 4000 && o.Port != 22
		switch {
		case o.Port == 22, o.Port == 7000:
			if o.State != portvigil.StateOpen {
				wrong++
			}
		case filtered != (o.State == portvigil.StateFiltered), o.State == portvigil.StateOpen:
			wrong++
		}
	}
	if wrong > 0 || look.Count(portvigil.StateOpen) != 2 {
		t.Errorf("%d states are wrong, %d ports open; notes %q", wrong, look.Count(portvigil.StateOpen), look.Notes)
	}
	if diff := cmp.Diff(portvigil.MethodSYN, look.Method); diff != "" {
		t.Error(diff)
	}
}
