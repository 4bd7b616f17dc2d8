package portvigil

import (
	"testing"
	"time"
)

func TestTheRegularUDPPortsAreCommonOnesTheBaselinesAndWhatIsOpen(t *testing.T) {
	t.Parallel()
	heard := func(bound string) Listener {
		l := listens(bound, "")
		l.Proto = UDP
		return l
	}
	for _, c := range []struct {
		name string
		tell func(*story)
		want string
	}{
		{"of a host that nothing is known of", func(*story) {}, "53,123"},
		{"what the baseline has, ranges as well", func(s *story) {
			s.expects(entry("500", overUDP), entry("30000-30002", overUDP), entry("8080"))
		}, "53,123,500,30000-30002"},
		{"not what it had, nor what is for the machine alone", func(s *story) {
			s.expects(entry("500", overUDP, expiring("2026-03-01")), entry("323", overUDP, scoped(ScopeLoopback)))
		}, "53,123"},
		{"what listens inside, but on loopback alone", func(s *story) {
			s.inside(sockets(heard("0.0.0.0:514"), heard("127.0.0.1:323"), listens("0.0.0.0:80", "")))
		}, "53,123,514"},
		{"not what listened once", func(s *story) {
			s.inside(sockets(heard("0.0.0.0:5000")))
			s.after(time.Minute)
			s.inside(nil)
		}, "53,123"},
		{"what stays on an ephemeral port, and not what passes", func(s *story) {
			s.inside(sockets(heard("0.0.0.0:40000")))
			s.after(5 * time.Minute)
			s.inside(sockets(heard("0.0.0.0:40000"), heard("0.0.0.0:40001")))
		}, "53,123,40000"},
		{"what answered from outside, until it is shut", func(s *story) {
			s.outside("4500,5000", udp, only("4500,5000"))
			s.after(time.Minute)
			s.outside("", udp, only("4500,5000"), found(StateClosed, 5000))
		}, "53,123,4500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			c.tell(s)
			if got := RegularUDP(PortsOf(53, 123), s.baseline, s.trails(), s.now).String(); got != c.want {
				t.Errorf("it asks %s, want %s", got, c.want)
			}
		})
	}
}
