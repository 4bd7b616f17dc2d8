package web

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

func TestThePictureTellsWhereADoorIsAndWhatIsThoughtOfIt(t *testing.T) {
	t.Parallel()
	expected := seenFrom(listening(443, portvigil.ScopeAny, "/usr/sbin/nginx"), "office", "10.0.0.1")
	expected.Verdict, expected.Entry = portvigil.Expected, &portvigil.Entry{Why: "the shop"}
	missing := portvigil.Exposure{Endpoint: portvigil.Endpoint{Proto: portvigil.TCP, Port: 25}, Verdict: portvigil.Missing}
	shut := portvigil.Exposure{Endpoint: portvigil.Endpoint{Proto: portvigil.TCP, Port: 81}, Verdict: portvigil.None}
	gap := portvigil.Exposure{Endpoint: portvigil.Endpoint{Proto: portvigil.TCP, Port: 1}, Ports: "1-1000", Verdict: portvigil.Gap}
	resolver := listening(53, portvigil.ScopeLoopback, "/usr/lib/systemd/systemd-resolved")
	resolver.Proto = portvigil.UDP
	s := portvigil.HostStatus{Exposures: []portvigil.Exposure{expected, listening(443, portvigil.ScopePrivate, ""), missing, shut, gap, resolver,
		seenFrom(listening(9100, portvigil.ScopeAny, "/usr/bin/x"), "office", "10.0.0.1"), listening(8080, portvigil.ScopeAny, "/usr/bin/python3.11")}}
	got := map[standing][]string{}
	doors := shownDoors(s)
	for _, m := range marksOf(doors) {
		got[m.at] = append(got[m.at], m.Port+m.Sign+" "+m.Class+" "+m.Service)
	}
	want := map[standing][]string{
		standsOpen:   {"9100! bad x", "443! odd "}, // at one address of 443 it is not expected
		standsInside: {"8080! odd python"},
		standsAway:   {"25– odd "},
		standsAlone:  {"53 quiet udp syst…"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	const words = "Doors of vm: 2 doors reachable from outside, to look at: 9100/tcp, 443/tcp; 1 door listening but not reachable from outside, to look at: 8080/tcp; " +
		"1 door expected or seen before and not open now, to look at: 25/tcp; 1 door on this machine only."
	if got := pictureWords("vm", doors); got != words {
		t.Errorf("it says %q", got)
	}
	if got := pictureWords("vm", nil); got != "Doors of vm: no door is known." {
		t.Errorf("of nothing it says %q", got)
	}
}

// TestWhateverIsDrawnStaysWithinThePictureAndApart draws any doors.
func TestWhateverIsDrawnStaysWithinThePictureAndApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s portvigil.HostStatus
		for port := range uint16(rapid.IntRange(0, 200).Draw(t, "doors")) {
			x := listening(port+1, rapid.SampledFrom([]portvigil.Scope{portvigil.ScopeAny, portvigil.ScopeLoopback}).Draw(t, "scope"), rapid.String().Draw(t, "exe"))
			if rapid.Bool().Draw(t, "open") {
				x = seenFrom(x, "office", "10.0.0.1")
			}
			if rapid.IntRange(0, 3).Draw(t, "missing") == 0 {
				x.Verdict, x.Views = portvigil.Missing, portvigil.AlertViews{}
			}
			s.Exposures = append(s.Exposures, x)
		}
		for _, p := range pictures(shownDoors(s)) {
			taken := map[[2]int]bool{}
			for _, l := range p.Lanes {
				if len(l.Marks) > maxMarks {
					t.Fatalf("%d marks in a lane", len(l.Marks))
				}
				for _, m := range l.Marks {
					if m.X < 0 || m.Y < 0 || m.X+markWidth > p.Width || m.Y+markHeight > p.Height || taken[[2]int{m.X, m.Y}] {
						t.Fatalf("%+v is out of %dx%d, or over another", m, p.Width, p.Height)
					}
					taken[[2]int{m.X, m.Y}] = true
					if inWall := m.Y >= p.Wall.Y; inWall == m.Out {
						t.Fatalf("%+v is on the wrong side of the wall at %d", m, p.Wall.Y)
					}
				}
			}
			if p.Wall.Y+p.Wall.Height > p.Height || p.Inner.Y+p.Inner.Height > p.Wall.Y+p.Wall.Height {
				t.Fatalf("wall %+v and inner %+v of height %d", p.Wall, p.Inner, p.Height)
			}
		}
	})
}
