package portvigil

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var ssh = Door{TCP, 22}

// only one trail is in these stories.
func (s *story) trail() *Trail {
	s.t.Helper()
	list := s.trails()
	if len(list) != 1 {
		s.t.Fatalf("%d trails, want 1", len(list))
	}
	return &list[0]
}

func TestTheHighestSequenceNumberWinsInAnyOrderOfArrival(t *testing.T) {
	s := newStory(t)
	s.outside("22,80")
	s.after(day)
	s.outside("22", only("22,80"))
	s.after(day)
	s.outside("22,443", incomplete)
	want := Replay(s.looks)
	if want.At(Door{TCP, 80}).State != StateFiltered || !want.At(Door{TCP, 443}).Open() {
		t.Fatalf("80 is %v and 443 is %v", want.At(Door{TCP, 80}), want.At(Door{TCP, 443}))
	}
	for range 10 {
		rand.Shuffle(len(s.looks), func(i, j int) { s.looks[i], s.looks[j] = s.looks[j], s.looks[i] })
		if diff := cmp.Diff(want, Replay(s.looks), alike); diff != "" {
			t.Fatalf("in another order (-want +got):\n%s", diff)
		}
	}
}

func TestALookThatCameLateDoesNotFollow(t *testing.T) {
	s := newStory(t)
	late, next := s.outside("22"), s.outside("22")
	var trail Trail
	if !trail.Follows(next) {
		t.Error("the first look does not follow an empty trail")
	}
	trail.Add(next)
	if trail.Follows(late) || trail.Follows(next) {
		t.Error("a look with a lower or the same number follows")
	}
}

func TestOnlyACompleteLookThatCoveredAPortClosesIt(t *testing.T) {
	for name, c := range map[string]struct {
		second []func(*Look)
		open   bool
	}{
		"a complete look at all ports closes it":               {nil, false},
		"a complete look at the port closes it":                {[]func(*Look){only("22")}, false},
		"a complete look at other ports does not":              {[]func(*Look){only("80")}, true},
		"an incomplete look does not":                          {[]func(*Look){incomplete}, true},
		"nor one that lists it closed":                         {[]func(*Look){incomplete, found(StateClosed, 22)}, true},
		"a look from the vantage's own machine does not":       {[]func(*Look){ownAddress}, true},
		"a reference outside of the ports is no coverage":      {[]func(*Look){only("80"), found(StateClosed, 22)}, true},
		"open or filtered does not, as the commonest state":    {[]func(*Look){elsewise(StateOpenFiltered)}, true},
		"open or filtered does not, as an exception":           {[]func(*Look){elsewise(StateClosed), found(StateOpenFiltered, 22)}, true},
		"an exception to open or filtered that says so closes": {[]func(*Look){elsewise(StateOpenFiltered), found(StateClosed, 22)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.outside("22")
			s.after(time.Hour)
			s.outside("", c.second...)
			if got := s.trail().At(ssh); got.Open() != c.open {
				t.Errorf("22/tcp is %s, want open: %v", got.State, c.open)
			}
		})
	}
}

func TestAnIncompleteLookStillTellsWhatIsOpen(t *testing.T) {
	s := newStory(t)
	s.outside("")
	s.after(time.Hour)
	s.outside("22", incomplete)
	if got := s.trail().At(ssh); !got.Open() || got.Introduced {
		t.Errorf("22/tcp is %+v, want open and news", got)
	}
}

func TestOwnAddressLooksNeverCount(t *testing.T) {
	s := newStory(t)
	s.outside("22", ownAddress)
	s.wantVerdicts()
	s.after(30 * day)
	s.wantTold() // and no view is blind that never was one
}

func TestAPortThatACompleteLookFirstCoversIsIntroduced(t *testing.T) {
	s := newStory(t)
	s.outside("22", only("22"))
	s.after(time.Hour)
	s.outside("22,80")
	s.after(day)
	s.outside("22,80,443")
	for port, want := range map[uint16]bool{22: true, 80: true, 443: false} {
		if got := s.trail().At(Door{TCP, port}).Introduced; got != want {
			t.Errorf("%d introduced: %v, want %v", port, got, want)
		}
	}
	s.after(day)
	s.outside("")
	s.after(day)
	s.outside("22")
	if s.trail().At(ssh).Introduced {
		t.Error("a door that opened again is introduced")
	}
}

func TestAnUnlistedPortIsShutSinceTheFirstLookThatCoveredIt(t *testing.T) {
	s := newStory(t)
	first := s.outside("22")
	s.after(day)
	last := s.outside("22")
	got := s.trail().At(Door{TCP, 80})
	want := Sight{Door: Door{TCP, 80}, State: StateFiltered, Since: first.Received, SinceLook: first.ID, FirstBegan: first.Started,
		Last: last.Received, LastLook: last.ID, Began: last.Started}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("80/tcp (-want +got):\n%s", diff)
	}
	if s.trail().At(Door{UDP, 80}).Known() {
		t.Error("a look at TCP says something of UDP")
	}
	// Listing it for the first time changes nothing of that.
	s.after(day)
	s.outside("22", found(StateClosed, 80))
	if got := s.trail().At(Door{TCP, 80}); got.State != StateClosed || !got.Since.Equal(first.Received) {
		t.Errorf("80/tcp is %s since %s, want closed since %s", got.State, got.Since, first.Received)
	}
}

func TestOpenOrFilteredDoesNotCountAsAFirstTimeShut(t *testing.T) {
	dns := Door{UDP, 53}
	for name, first := range map[string][]func(*Look){
		"as the commonest state": {udp},
		"as an exception":        {udp, elsewise(StateClosed), found(StateOpenFiltered, 53)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.outside("", first...)
			if got := s.trail().At(dns).State; got != StateOpenFiltered {
				t.Errorf("53/udp is %q, want open|filtered", got)
			}
			s.after(day)
			shut := s.outside("", udp, elsewise(StateClosed))
			s.after(day)
			s.outside("", udp, elsewise(StateClosed))
			if got := s.trail().At(dns); got.State != StateClosed || got.SinceLook != shut.ID {
				t.Errorf("53/udp is %s since %s, want closed since %s", got.State, got.SinceLook, shut.ID)
			}
		})
	}
}

func TestWhatAnInsideLookDoesNotCoverItDoesNotDeny(t *testing.T) {
	inContainer := listens("0.0.0.0:80", "/usr/sbin/nginx")
	inContainer.Namespace = 4026532001
	host := listens("0.0.0.0:22", "/usr/sbin/sshd")
	all := covering(CoversSockets, CoversOwners, CoversNamespaces)

	t.Run("without sockets nothing is shut", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.inside(sockets(host))
		s.after(time.Hour)
		s.inside(nil, covering(CoversPackages))
		if !s.trail().At(ssh).Open() {
			t.Error("22/tcp is shut")
		}
	})
	t.Run("without namespaces, what listens in another one stays", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.inside(sockets(host, inContainer), all)
		s.after(time.Hour)
		s.inside(nil)
		if s.trail().At(ssh).Open() || !s.trail().At(Door{TCP, 80}).Open() {
			t.Error("want 22 shut and 80 open")
		}
		s.after(time.Hour)
		s.inside(nil, all)
		if s.trail().At(Door{TCP, 80}).Open() {
			t.Error("80 is open though the namespace was covered")
		}
	})
	t.Run("on a door that both have, too", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.inside(sockets(listens("0.0.0.0:80", "/usr/sbin/apache2"), inContainer), all)
		s.after(time.Hour)
		s.inside(sockets(listens("0.0.0.0:80", "/usr/sbin/apache2")))
		if got := s.trail().At(Door{TCP, 80}).Listeners; len(got) != 2 {
			t.Errorf("%d listeners, want 2", len(got))
		}
		s.after(time.Hour)
		s.inside(nil)
		if got := s.trail().At(Door{TCP, 80}).Listeners; len(got) != 1 || got[0].Namespace == 0 {
			t.Errorf("listeners %v, want the container's", got)
		}
	})
	t.Run("an incomplete look shuts no listener on a door that it saw at another address", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.inside(nil)
		s.inside(sockets(listens("0.0.0.0:9100", "")))
		s.inside(sockets(listens("127.0.0.1:9100", "")), incomplete)
		s.wantVerdicts("9100/tcp unexpected-listening")
		s.inside(sockets(listens("127.0.0.1:9100", "")))
		s.wantVerdicts()
	})
	t.Run("doors of a new coverage are introduced", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.inside(sockets(host))
		s.after(time.Hour)
		s.inside(sockets(host, inContainer), all)
		if !s.trail().At(Door{TCP, 80}).Introduced {
			t.Error("a namespace's door is news when namespaces are first covered")
		}
		other := inContainer
		other.Port = 81
		s.after(time.Hour)
		s.inside(sockets(host, inContainer, other), all)
		if s.trail().At(Door{TCP, 81}).Introduced {
			t.Error("a later door is introduced")
		}
	})
	t.Run("an owner that could not be read is the one that was", func(t *testing.T) {
		t.Parallel()
		s := newStory(t)
		s.inside(sockets(host))
		s.after(time.Hour)
		s.inside(sockets(listens("0.0.0.0:22", "")), covering(CoversSockets))
		got := s.trail().At(ssh)
		if p := got.Listeners[0].Process; p == nil || p.Exe != "/usr/sbin/sshd" || !got.OwnersKept {
			t.Errorf("owner %v, kept %v", p, got.OwnersKept)
		}
	})
}

func TestASlowAnswerIsNoChangeOfTheService(t *testing.T) {
	s := newStory(t)
	s.outside("22", serving("OpenSSH"))
	s.after(day)
	s.outside("22", unconfirmed)
	if got := s.trail().At(ssh); got.Service.Label() != "OpenSSH" || !got.Confirmed {
		t.Errorf("service %q, confirmed %v", got.Service.Label(), got.Confirmed)
	}
	s.after(day)
	s.outside("")
	s.after(day)
	s.outside("22", unconfirmed)
	if got := s.trail().At(ssh); got.Service != nil || got.Confirmed {
		t.Errorf("a new run begins with %v, confirmed %v", got.Service, got.Confirmed)
	}
}
