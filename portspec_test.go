package portvigil

import (
	"testing"

	"pgregory.net/rapid"
)

func TestAPortSpecIsReadBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := func(name string) *PortSet {
			if rapid.Bool().Draw(t, "no "+name) {
				return nil
			}
			return PortsOf(rapid.SliceOfN(rapid.Uint16Range(1, 200), 0, 20).Draw(t, name)...)
		}
		s, again := PortSpec{set("tcp"), set("udp")}, PortSpec{}
		text, err := s.MarshalText()
		if err == nil {
			err = again.UnmarshalText(text)
		}
		if err != nil || !again.Equal(&s) || again.Len() != s.Len() || again.String() != string(text) {
			t.Fatalf("%s became %s: %v", text, again.String(), err)
		}
	})
}

func TestAPortSpecOfOnceWasASetOfTCPPorts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]PortSpec{
		"22,80":   {TCP: PortsOf(22, 80)},
		"":        {},
		"U:53":    {UDP: PortsOf(53)},
		"1,U:1-2": {TCP: PortsOf(1), UDP: PortsOf(1, 2)},
	} {
		var s PortSpec
		if err := s.UnmarshalText([]byte(text)); err != nil || !s.Equal(&want) {
			t.Errorf("%q is %s: %v", text, s.String(), err)
		}
	}
	for _, text := range []string{"x", "U:x", "1,U:1,U:2", "53,T:1"} {
		if err := new(PortSpec).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestPortSpecsAreToldApart(t *testing.T) {
	t.Parallel()
	var none *PortSpec
	tcp, udp, both := &PortSpec{TCP: PortsOf(53)}, &PortSpec{UDP: PortsOf(53)}, &PortSpec{}
	both.Add(Door{TCP, 53})
	both.Union(UDP, PortsOf(53, 123))
	switch {
	case !none.Equal(nil), none.Equal(new(PortSpec)), new(PortSpec).Equal(none):
		t.Error("none is the same as one without doors")
	case tcp.Equal(udp), tcp.Covers(udp), !both.Covers(tcp), !both.Covers(udp), tcp.Covers(both), both.Len() != 3:
		t.Error("the protocols are mixed up")
	case both.Of(UDP).String() != "53,123" || both.Of(TCP).String() != "53":
		t.Errorf("it is %s", both)
	}
}
