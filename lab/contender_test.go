package lab_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// ran is one run of a scanner, and what it says.
type ran struct {
	took    time.Duration
	packets int // that left the scanner
	peakKiB int64
	states  map[uint16]portvigil.PortState // of nmap: every port; of masscan: those that are open
	look    *portvigil.Look                // of portvigil alone
}

// contender is a scanner that is measured.
type contender struct {
	name string
	run  func(*testing.T, *lab.Path, netip.Addr, *portvigil.PortSet) ran
}

// measure runs a contender once on a path that is as new.
func (c contender) measure(t *testing.T, p *lab.Path, address netip.Addr, ports *portvigil.PortSet) ran {
	t.Helper()
	p.Renew(t)
	before := sent(t, p.Scanner)
	r := c.run(t, p, address, ports)
	r.packets = sent(t, p.Scanner) - before
	return r
}

// sent is how many packets have left a host.
func sent(t *testing.T, h *lab.Host) int {
	t.Helper()
	out, err := h.Command(t.Context(), "cat", "/sys/class/net/eth0/statistics/tx_packets").Output()
	if err != nil {
		t.Fatalf("count the packets sent: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// portvigils is the built program with these flags.
func portvigils(name string, flags ...string) contender {
	return contender{name, func(t *testing.T, p *lab.Path, address netip.Addr, ports *portvigil.PortSet) ran {
		l := lookAlong(t, p, address, append([]string{"-p", ports.String()}, flags...)...)
		return ran{took: l.took, peakKiB: l.peakKiB, look: l.Look}
	}}
}

// nmaps is nmap with these flags.
func nmaps(flags string) contender {
	return contender{"nmap " + flags, func(t *testing.T, p *lab.Path, address netip.Addr, ports *portvigil.PortSet) ran {
		argv := append(strings.Fields(flags), "-n", "-Pn", "-oX", "-", "-p", ports.String(), address.String())
		if address.Is6() {
			argv = append(argv, "-6")
		}
		out, r := command(t, p, "nmap", argv...)
		states, err := nmapStates(out)
		if err != nil {
			t.Fatalf("read nmap's file: %v", err)
		}
		r.states = states
		return r
	}}
}

// masscans is masscan at 100,000 packets a second. It is told what it does not ask for
// by itself, and leaves its paused.conf where nobody minds.
func masscans() contender {
	return contender{"masscan 100k/s", func(t *testing.T, p *lab.Path, address netip.Addr, ports *portvigil.PortSet) ran {
		mac, err := p.Target.Command(t.Context(), "cat", "/sys/class/net/eth0/address").Output()
		if err != nil {
			t.Fatalf("read the target's link-layer address: %v", err)
		}
		out, r := command(t, p, "masscan", address.String(), "-p", ports.String(), "--rate", "100000", "--wait", "5", "-oL", "-",
			"--interface", "eth0", "--adapter-ip", p.Scanner.IP4.String(), "--router-mac", strings.TrimSpace(string(mac)))
		r.states = map[uint16]portvigil.PortState{}
		for line := range strings.Lines(string(out)) {
			var port uint16
			if _, err := fmt.Sscanf(line, "open tcp %d", &port); err == nil {
				r.states[port] = portvigil.StateOpen
			}
		}
		return r
	}}
}

// command runs a scanner on the path's scanner host.
func command(t *testing.T, p *lab.Path, name string, args ...string) ([]byte, ran) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := p.Scanner.Command(ctx, name, args...)
	cmd.Dir = t.TempDir()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	took, peakKiB, err := runMeasured(cmd)
	r := ran{took: took, peakKiB: peakKiB}
	if err != nil {
		t.Fatalf("%s along %s: %v: %s", name, p.Name, err, stderr.Bytes())
	}
	return stdout.Bytes(), r
}

// nmapFile is of nmap's XML what tells the states of one host's ports: those of
// which there are many are not listed one by one.
type nmapFile struct {
	Hosts []struct {
		Extra []struct {
			State   string `xml:"state,attr"`
			Reasons []struct {
				Ports string `xml:"ports,attr"`
			} `xml:"extrareasons"`
		} `xml:"ports>extraports"`
		Ports []struct {
			ID    uint16 `xml:"portid,attr"`
			State struct {
				State string `xml:"state,attr"`
			} `xml:"state"`
		} `xml:"ports>port"`
	} `xml:"host"`
}

func nmapStates(file []byte) (map[uint16]portvigil.PortState, error) {
	var f nmapFile
	if err := xml.Unmarshal(file, &f); err != nil {
		return nil, err
	}
	if len(f.Hosts) != 1 {
		return nil, fmt.Errorf("%d hosts", len(f.Hosts))
	}
	states := map[uint16]portvigil.PortState{}
	for _, e := range f.Hosts[0].Extra {
		for _, r := range e.Reasons {
			ports, err := portvigil.ParsePortSet(r.Ports)
			if err != nil {
				return nil, err
			}
			for port := range ports.All() {
				states[port] = portvigil.PortState(e.State)
			}
		}
	}
	for _, p := range f.Hosts[0].Ports {
		states[p.ID] = portvigil.PortState(p.State.State)
	}
	if len(states) == 0 {
		return nil, errors.New("it has no states")
	}
	return states, nil
}

// judgement is what a run comes to, held against the truth.
type judgement struct {
	found, wrong int
	examples     []string // of what is wrong
}

func (r ran) judge(truth lab.Truth, ports *portvigil.PortSet) (j judgement) {
	if r.look != nil {
		j.examples, j.wrong = misjudged(r.look, truth)
		for port := range ports.All() {
			if r.look.At(port).State == portvigil.StateOpen && truth.At(port).State == portvigil.StateOpen {
				j.found++
			}
		}
		return j
	}
	for port := range ports.All() {
		got, told := r.states[port]
		switch want := truth.At(port).State; {
		case got == want && want == portvigil.StateOpen:
			j.found++
		case told && got != want:
			if j.wrong++; j.wrong == 1 {
				j.examples = append(j.examples, fmt.Sprintf("port %d told %s, is %s", port, got, want))
			}
		}
	}
	return j
}
