package scan

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	portvigil "github.com/portvigil/portvigil"
)

// openedCheckpoint opens the file as a scan of nothing in particular.
func openedCheckpoint(t *testing.T, file string) (*Checkpoint, []*portvigil.Look) {
	t.Helper()
	var before []*portvigil.Look
	c, err := OpenCheckpoint(file, []string{"10.0.0.0/24"}, func(looks []*portvigil.Look) error {
		before = append(before, looks...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(false) })
	return c, before
}

func TestACheckpointKnowsWhatAnswered(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scan")
	c, _ := openedCheckpoint(t, file)
	s, err := newSweep(Options{Ports: firstPorts(100), HostRate: Rate{Unlimited: true}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"10.0.0.1", "fd00::1"} {
		e := s.engine(at(address), uint64(len(address)))
		c.begun(e)
		reject := icmpError{v6: e.address.Is6(), kind: icmpUnreachable, code: icmpAdminProhibited, fromTarget: true}
		for port, a := range map[uint16]answer{22: {kind: answerOpen}, 23: {kind: answerClosed}, 24: {kind: answerRejected, icmp: reject}, 25: {}} {
			e.conductor.table.sent(port)
			e.conductor.record([]result{{probe: probe{port: port, pass: 1}, answer: a}})
		}
	}
	gone := s.engine(at("10.0.0.3"), 3)
	c.begun(gone)
	look := gone.look
	c.ended(gone, []*portvigil.Look{look})
	if err := c.Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(false); err != nil {
		t.Fatal(err)
	}
	half, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.WriteString(`{"at":9,"answered":{"syn-`); err != nil {
		t.Fatal(err)
	}
	_ = half.Close()

	again, before := openedCheckpoint(t, file)
	if again.Seed != c.Seed || len(before) != 1 || before[0].ID != look.ID || before[0].Address != netip.MustParseAddr("10.0.0.3") {
		t.Errorf("seed %d and %d; before %v", c.Seed, again.Seed, before)
	}
	for _, address := range []string{"10.0.0.1", "fd00::1"} {
		e := s.engine(at(address), uint64(len(address)))
		again.begun(e)
		prohibited := portvigil.Reason("icmp-3-13")
		if e.address.Is6() {
			prohibited = "icmp6-3-13"
		}
		var got []portvigil.Observation
		for port := range e.conductor.table.ports.All() {
			if e.conductor.table.of(port).answer != answerNone {
				got = append(got, e.conductor.table.observation(port))
			}
		}
		if diff := cmp.Diff([]portvigil.Observation{
			{Port: 22, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck},
			{Port: 23, State: portvigil.StateClosed, Reason: portvigil.ReasonReset},
			{Port: 24, State: portvigil.StateFiltered, Reason: prohibited},
		}, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", address, diff)
		}
		for port := range e.conductor.table.ports.All() {
			if e.conductor.wants(port) == (port >= 22 && port <= 24) {
				t.Errorf("%s: whether port %d is asked again is wrong", address, port)
			}
		}
	}
}

func TestWrongCheckpointsAreRefused(t *testing.T) {
	t.Parallel()
	const head = `{"portvigil_checkpoint":1,"scan":["10.0.0.0/24"],"seed":5}` + "\n"
	for _, c := range []struct {
		name, text string
		code       portvigil.Code
	}{
		{"of another scan", `{"portvigil_checkpoint":1,"scan":["10.0.0.0/25"],"seed":5}` + "\n", portvigil.CodeConflict},
		{"of another version", `{"portvigil_checkpoint":99,"scan":["10.0.0.0/24"],"seed":5}` + "\n", portvigil.CodeConflict},
		{"something else", "# a text\n", portvigil.CodeInvalid},
		{"other JSON", `{"version":1}` + "\n", portvigil.CodeInvalid},
		{"damaged", head + "\x00\x00\n", portvigil.CodeInvalid},
		{"a note of nothing", head + "{}\n", portvigil.CodeInvalid},
		{"no ports", head + `{"at":0,"answered":{"reset":"0-x"}}` + "\n", portvigil.CodeInvalid},
	} {
		file := filepath.Join(t.TempDir(), "scan")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := OpenCheckpoint(file, []string{"10.0.0.0/24"}, func([]*portvigil.Look) error { return nil })
		if portvigil.ErrorCode(err) != c.code {
			t.Errorf("%s: %v, want the code %s", c.name, err, c.code)
		}
		if kept, err := os.ReadFile(file); err != nil || string(kept) != c.text {
			t.Errorf("%s: the file was changed to %q (%v)", c.name, kept, err)
		}
	}
}

func TestACheckpointIsOfOneScanAtATime(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scan")
	c, _ := openedCheckpoint(t, file)
	_, err := OpenCheckpoint(file, []string{"10.0.0.0/24"}, nil)
	if portvigil.ErrorCode(err) != portvigil.CodeConflict || !strings.Contains(err.Error(), "in use") {
		t.Errorf("%v, want that it is in use", err)
	}
	if err := c.Close(true); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}

// TestACheckpointThatCannotBeWrittenSaysSo: and the scan goes on.
func TestACheckpointThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Parallel()
	c, _ := openedCheckpoint(t, filepath.Join(t.TempDir(), "scan"))
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("/dev/full is not there")
	}
	c.file = full
	s, err := newSweep(Options{Ports: firstPorts(10)}, 1)
	if err != nil {
		t.Fatal(err)
	}
	e := s.engine(at("10.0.0.1"), 0)
	c.begun(e)
	c.ended(e, nil)
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("%v, want that no space is left", err)
	}
}

func TestACheckpointKnowsWhatAnsweredOverUDP(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "scan")
	c, _ := openedCheckpoint(t, file)
	s, err := newSweep(Options{Ports: firstPorts(100), Proto: portvigil.UDP}, 1)
	if err != nil {
		t.Fatal(err)
	}
	service := &portvigil.Service{Name: "dns", Confidence: 90, Banner: []byte{0, 1}}
	e := s.engine(at("10.0.0.1"), 4)
	c.begun(e)
	for port, a := range map[uint16]answer{53: {kind: answerOpen}, 54: {kind: answerClosed}, 55: {kind: answerRejected, icmp: icmpError{kind: icmpUnreachable, code: icmpAdminProhibited}}} {
		e.datagrams.sends[port] = 1
		e.datagrams.hear(port, a, true, service)
	}
	if err := c.Close(false); err != nil {
		t.Fatal(err)
	}
	again, _ := openedCheckpoint(t, file)
	resumed := s.engine(at("10.0.0.1"), 4)
	again.begun(resumed)
	for port := range uint16(100) {
		if port == 0 {
			continue
		}
		if diff := cmp.Diff(e.datagrams.observation(port), resumed.datagrams.observation(port)); diff != "" {
			t.Errorf("port %d (-before +after)\n%s", port, diff)
		}
		if resumed.datagrams.wants(port) == (port >= 53 && port <= 55) {
			t.Errorf("whether port %d is asked again is wrong", port)
		}
	}
}
