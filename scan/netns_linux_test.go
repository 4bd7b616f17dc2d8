package scan

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	portvigil "github.com/portvigil/portvigil"
)

// wire is a scanner's and a target's network namespace with a veth between them.
type wire struct {
	t               testing.TB
	scanner, target string
}

var wires atomic.Int32

const (
	wireFour = "10.96.0.2"
	wireSix  = "fd00:96::2"
)

func newWire(t testing.TB) *wire {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("needs %s", tool)
			}
			t.Skipf("needs %s", tool)
		}
	}
	tag := fmt.Sprintf("pvscan%d-%d", os.Getpid(), wires.Add(1))
	w := &wire{t: t, scanner: tag + "s", target: tag + "t"}
	for _, name := range []string{w.scanner, w.target} {
		w.do("ip", "netns", "add", name)
		t.Cleanup(func() {
			if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
				t.Errorf("remove namespace %s: %v %s", name, err, out)
			}
		})
	}
	w.do("ip", "-n", w.scanner, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", w.target)
	for name, host := range map[string]string{w.scanner: "1", w.target: "2"} {
		w.do("ip", "-n", name, "addr", "add", "10.96.0."+host+"/24", "dev", "wire")
		w.do("ip", "-n", name, "addr", "add", "fd00:96::"+host+"/64", "dev", "wire", "nodad")
		w.do("ip", "-n", name, "link", "set", "lo", "up")
		w.do("ip", "-n", name, "link", "set", "wire", "up")
	}
	// The limit of ICMP errors is not what these tests are about (icmp(7)).
	w.do("ip", "netns", "exec", w.target, "sysctl", "-q", "net.ipv4.icmp_ratelimit=0", "net.ipv6.icmp.ratelimit=0")
	return w
}

func (w *wire) do(argv ...string) {
	w.t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v %s", strings.Join(argv, " "), err, out)
	}
}

// firewall loads rules into the input chain of the target.
func (w *wire) firewall(rules ...string) {
	w.t.Helper()
	w.filter("chain in { type filter hook input priority 0;\n" + strings.Join(rules, "\n") + "\n}")
}

// filter has the target filter packets by those chains alone.
func (w *wire) filter(chains string) {
	w.t.Helper()
	text := "flush ruleset\ntable inet test {\n" + chains + "\n}\n"
	cmd := exec.Command("ip", "netns", "exec", w.target, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("nft: %v %s\n%s", err, out, text)
	}
}

// listen opens ports in the target until the test ends.
func (w *wire) listen(ports ...string) {
	w.t.Helper()
	argv := []string{"netns", "exec", w.target, os.Args[0], "listen-in-namespace"}
	for _, p := range ports {
		argv = append(argv, ":"+p)
	}
	cmd := exec.Command("ip", argv...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			w.t.Errorf("listener: %v", err)
		}
	})
	if line, _ := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		w.t.Fatalf("listener says %q", line)
	}
}

// answer has UDP ports of the target answer, until the test ends; 69 as TFTP does, from
// another port.
func (w *wire) answer(texts map[uint16]func(question []byte) string) {
	w.t.Helper()
	for _, network := range []string{"udp4", "udp6"} {
		for port, text := range texts {
			err := within(w.target, func() error {
				door, err := net.ListenUDP(network, &net.UDPAddr{Port: int(port)})
				if err != nil {
					return err
				}
				w.t.Cleanup(func() { door.Close() })
				out := door
				if port == 69 {
					if out, err = net.ListenUDP(network, nil); err != nil {
						return err
					}
					w.t.Cleanup(func() { out.Close() })
				}
				go func() {
					var buf [mostDatagram]byte
					for {
						n, from, err := door.ReadFromUDPAddrPort(buf[:])
						if err != nil {
							return
						}
						_, _ = out.WriteToUDPAddrPort([]byte(text(buf[:n])), from) // what is lost is asked for again
					}
				}()
				return nil
			})
			if err != nil {
				w.t.Fatalf("answer at %d: %v", port, err)
			}
		}
	}
}

func says(text string) func([]byte) string { return func([]byte) string { return text } }

// refusesDNS answers a query with its question and a refusal (RFC 1035 section 4.1.1).
func refusesDNS(query []byte) string {
	if len(query) < 12 {
		return ""
	}
	return string(query[:2]) + "\x80\x05" + string(query[4:])
}

// look looks from the scanner; begun, where not nil, is called once an open port
// has been found.
func (w *wire) look(r lookRequest, begun func()) *portvigil.Look {
	w.t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", w.scanner, os.Args[0], "look-in-namespace", string(text))
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	reader := bufio.NewReader(stdout)
	var look portvigil.Look
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			w.t.Fatalf("look: %v %v", err, cmd.Wait())
		}
		if line != "begun\n" {
			err = errors.Join(json.Unmarshal([]byte(line), &look), cmd.Wait())
			if err != nil {
				w.t.Fatal(err)
			}
			return &look
		}
		if begun != nil {
			begun()
		}
	}
}

// byEachMethod runs a test with each method, all at once.
func byEachMethod(t *testing.T, test func(*testing.T, Method)) {
	for _, m := range []Method{SYN, Connect} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			test(t, m)
		})
	}
}

// methodsAndAddresses is every method with each family: all of them have to come to
// the same.
func methodsAndAddresses() iter.Seq2[Method, string] {
	return func(yield func(Method, string) bool) {
		for _, m := range []Method{SYN, Connect} {
			for _, a := range []string{wireFour, wireSix} {
				if !yield(m, a) {
					return
				}
			}
		}
	}
}

func TestEachWayToRefuseHasItsOwnReason(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, rule string
		four, six  portvigil.Reason
		state      portvigil.PortState
	}{
		{name: "no rule and no listener", four: "reset", six: "reset", state: portvigil.StateClosed},
		{name: "reject with a reset", rule: "reject with tcp reset", four: "reset", six: "reset", state: portvigil.StateClosed},
		{name: "plain reject", rule: "reject", four: "port-unreachable", six: "port-unreachable", state: portvigil.StateFiltered},
		{name: "administratively prohibited", rule: "reject with icmpx admin-prohibited", four: "icmp-3-13", six: "icmp6-1-1", state: portvigil.StateFiltered},
		{name: "host unreachable, said by the target", rule: "reject with icmpx host-unreachable", four: "icmp-3-1", six: "icmp6-1-3", state: portvigil.StateFiltered},
		{name: "no route, said by the target", rule: "reject with icmpx no-route", four: "icmp-3-0", six: "icmp6-1-0", state: portvigil.StateFiltered},
		{name: "drop", rule: "drop", four: "no-response", six: "no-response", state: portvigil.StateFiltered},
	}
	w := newWire(t)
	var rules []string
	want := map[string][]portvigil.Observation{}
	for i, c := range cases {
		port := 1001 + i
		if c.rule != "" {
			rules = append(rules, fmt.Sprintf("tcp dport %d %s", port, c.rule))
		}
		want[wireFour] = append(want[wireFour], portvigil.Observation{Port: uint16(port), State: c.state, Reason: c.four})
		want[wireSix] = append(want[wireSix], portvigil.Observation{Port: uint16(port), State: c.state, Reason: c.six})
	}
	w.firewall(rules...)
	w.listen("22")
	for method, address := range methodsAndAddresses() {
		observations := want[address]
		t.Run(string(method)+" "+address, func(t *testing.T) {
			// The reasons of the default state are not listed, so each port is looked at
			// beside ports that make another state the commonest.
			for _, o := range observations {
				beside := "22,2000-2002"
				if o.State == portvigil.StateClosed {
					continue
				}
				look := w.look(lookRequest{Method: method, Target: at(address), Ports: fmt.Sprintf("%s,%d", beside, o.Port)}, nil)
				expected := []portvigil.Observation{{Port: 22, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck}, o}
				if diff := cmp.Diff(expected, look.Observations); diff != "" {
					t.Errorf("port %d (-want +got)\n%s", o.Port, diff)
				}
				if look.Method != portvigil.Method(method) {
					t.Errorf("the look was made by %s", look.Method)
				}
				if !look.Complete || look.DefaultState != portvigil.StateClosed {
					t.Errorf("port %d: complete %v, default %s, notes %q", o.Port, look.Complete, look.DefaultState, look.Notes)
				}
			}
			look := w.look(lookRequest{Method: method, Target: at(address), Ports: "22,1001,1002,1003-1007"}, nil)
			closed := []portvigil.Observation{{Port: 22, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck}, observations[0], observations[1]}
			if diff := cmp.Diff(closed, look.Observations); diff != "" {
				t.Errorf("beside filtered ones (-want +got)\n%s", diff)
			}
		})
	}
}

func TestAPathThatIsCutEndsTheLookWithin30Seconds(t *testing.T) {
	t.Parallel()
	byEachMethod(t, func(t *testing.T, method Method) {
		w := newWire(t)
		w.listen("22", "80")
		w.firewall("tcp dport { 22, 80 } accept", "tcp flags syn drop")
		var cut time.Time
		look := w.look(lookRequest{Method: method, Target: at(wireFour), Ports: "all"}, func() {
			cut = time.Now()
			w.do("ip", "-n", w.target, "link", "set", "wire", "down")
		})
		if took := time.Since(cut); took > 30*time.Second {
			t.Errorf("the look ended %v after the cut", took)
		}
		if look.Complete || portvigil.NoteCode(look.Notes[0]) != "dead-path" {
			t.Errorf("complete %v, notes %q", look.Complete, look.Notes)
		}
		if n := look.Count(portvigil.StateOpen); n != 2 {
			t.Errorf("%d doors are told as open, want both that were seen", n)
		}
		if n := look.Count(portvigil.StateClosed); n != 0 {
			t.Errorf("%d doors are told as closed", n)
		}
	})
}

func TestADroppingFirewallIsNoDeadPath(t *testing.T) {
	t.Parallel()
	byEachMethod(t, func(t *testing.T, method Method) {
		w := newWire(t)
		w.listen("22", "1500")
		w.firewall("tcp dport { 22, 1500, 1600 } accept", "tcp flags syn drop")
		look := w.look(lookRequest{Method: method, Target: at(wireSix), Ports: "1-2000"}, nil)
		want := []portvigil.Observation{
			{Port: 22, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck},
			{Port: 1500, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck},
			{Port: 1600, State: portvigil.StateClosed, Reason: portvigil.ReasonReset},
		}
		if diff := cmp.Diff(want, look.Observations); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if !look.Complete || look.DefaultState != portvigil.StateFiltered {
			t.Errorf("complete %v, default %s, notes %q", look.Complete, look.DefaultState, look.Notes)
		}
		saysHowSureItIs(t, look, method)
	})
}

// saysHowSureItIs checks that a complete look states the bound that RULES section 1
// asks for, and one by connecting none.
func saysHowSureItIs(t *testing.T, look *portvigil.Look, method Method) {
	t.Helper()
	switch {
	case method == Connect && (look.MissProbability != nil || look.Loss != nil):
		t.Errorf("connecting has no bound, and states %v from %v", look.MissProbability, look.Loss)
	case method == SYN && (look.MissProbability == nil || *look.MissProbability > mostMissed || *look.MissProbability == 0 || look.Loss == nil || look.Loss.Samples == 0):
		t.Errorf("it states %v from %v", look.MissProbability, look.Loss)
	}
}

func TestALossyPathMissesNothing(t *testing.T) {
	t.Parallel()
	byEachMethod(t, func(t *testing.T, method Method) {
		w := newWire(t)
		w.listen("22", "1500", "1999")
		w.firewall("meta l4proto tcp numgen random mod 10 == 0 drop", "tcp dport 1600-1700 drop")
		look := w.look(lookRequest{Method: method, Target: at(wireFour), Ports: "1-2000"}, nil)
		open, closed, filtered := look.Count(portvigil.StateOpen), look.Count(portvigil.StateClosed), look.Count(portvigil.StateFiltered)
		if open != 3 || closed != 2000-3-101 || filtered != 101 {
			t.Errorf("%d open, %d closed, %d filtered; notes %q", open, closed, filtered, look.Notes)
		}
		if !look.Complete {
			t.Errorf("not complete: %q", look.Notes)
		}
		saysHowSureItIs(t, look, method)
		if method == SYN && (look.Loss.Estimate < 0.03 || look.Loss.Estimate > 0.25) {
			t.Errorf("of a tenth that is lost it measured %v", look.Loss)
		}
	})
}

func TestWhoAnswersInFrontOfTheHostIsNoted(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.listen("22", "80")
	look := func() (codes []string) {
		for _, note := range w.look(lookRequest{Method: SYN, Target: at(wireFour), Ports: "1-500"}, nil).Notes {
			codes = append(codes, portvigil.NoteCode(note))
		}
		return codes
	}
	if codes := look(); len(codes) > 0 {
		t.Errorf("of a host that answers itself: %q", codes)
	}
	w.filter("chain out { type filter hook output priority 0; tcp flags & rst == rst ip ttl set 61; }")
	if diff := cmp.Diff([]string{"answered-in-front"}, look()); diff != "" {
		t.Errorf("resets from three hops nearer: (-want +got)\n%s", diff)
	}
	// Other systems begin with another time to live; that is no other distance.
	w.filter("chain out { type filter hook output priority 0; tcp flags & rst == rst ip ttl set 255; }")
	if codes := look(); len(codes) > 0 {
		t.Errorf("of resets that begin with 255: %q", codes)
	}
}

func TestASilentHostEndsIncompleteWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	byEachMethod(t, func(t *testing.T, method Method) {
		w := newWire(t)
		w.firewall("tcp flags syn drop")
		look := w.look(lookRequest{Method: method, Target: at(wireFour), Ports: "20-60"}, nil)
		if look.Complete || len(look.Notes) == 0 || portvigil.NoteCode(look.Notes[0]) != "no-answer" {
			t.Errorf("complete %v, notes %q", look.Complete, look.Notes)
		}
	})
}

func TestAHostWithoutARouteIsADeadPathAtOnce(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	w.do("ip", "-n", w.scanner, "route", "add", "unreachable", "10.95.0.0/16")
	look := w.look(lookRequest{Target: at("10.95.0.1"), Ports: "all"}, nil)
	if look.Complete || len(look.Notes) == 0 || portvigil.NoteCode(look.Notes[0]) != "dead-path" {
		t.Errorf("complete %v, notes %q", look.Complete, look.Notes)
	}
	if took := look.Ended.Sub(look.Started); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestTheVantagesOwnAddressIsMarked(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	if look := w.look(lookRequest{Target: at("10.96.0.1"), Ports: "1-50"}, nil); !look.OwnAddress || !look.Complete {
		t.Errorf("own address %v, complete %v, notes %q", look.OwnAddress, look.Complete, look.Notes)
	}
	if look := w.look(lookRequest{Target: at(wireFour), Ports: "1-50"}, nil); look.OwnAddress {
		t.Error("the target's address is told as an own one")
	}
}

// TestUDPPortsAnswerOrStaySilent has services of its own behind UDP ports: one that is
// known, one whose answer comes from elsewhere, and one that nobody knows.
func TestUDPPortsAnswerOrStaySilent(t *testing.T) {
	t.Parallel()
	for _, address := range []string{wireFour, wireSix} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			w.answer(map[uint16]func([]byte) string{53: refusesDNS, 69: says("\x00\x05\x00\x01no\x00"), 5000: says("hello")})
			w.firewall("udp dport 6000-6010 drop", "udp dport 7000 reject with icmpx type admin-prohibited")
			look := w.look(lookRequest{Proto: portvigil.UDP, Target: at(address), Ports: "U:50-80,5000,6000-6010,7000"}, nil)
			reason := portvigil.Reason("icmp-3-13")
			if strings.Contains(address, ":") {
				reason = "icmp6-1-1"
			}
			banner := func(name, text string, sure int) *portvigil.Service {
				return &portvigil.Service{Name: name, Banner: []byte(text), Confidence: sure, Connected: true}
			}
			var want []portvigil.Observation
			add := func(port uint16, s portvigil.PortState, r portvigil.Reason, service *portvigil.Service) {
				want = append(want, portvigil.Observation{Port: port, State: s, Reason: r, Service: service})
			}
			add(53, portvigil.StateOpen, portvigil.ReasonUDPResponse, banner("dns", "its own", sureOfProtocol))
			add(69, portvigil.StateOpen, portvigil.ReasonUDPResponse, banner("tftp", "\x00\x05\x00\x01no\x00", sureOfProtocol))
			add(5000, portvigil.StateOpen, portvigil.ReasonUDPResponse, banner("", "hello", 0))
			for port := uint16(6000); port <= 6010; port++ {
				add(port, portvigil.StateOpenFiltered, portvigil.ReasonNoResponse, nil)
			}
			add(7000, portvigil.StateFiltered, reason, nil)
			for _, o := range look.Observations {
				if o.Port == 53 && o.Service != nil {
					o.Service.Banner = []byte("its own") // another each time
				}
			}
			if diff := cmp.Diff(want, look.Observations); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !look.Complete || look.DefaultState != portvigil.StateClosed || look.Method != portvigil.MethodUDP {
				t.Errorf("complete %v, default %s, method %s, notes %q", look.Complete, look.DefaultState, look.Method, look.Notes)
			}
		})
	}
}
