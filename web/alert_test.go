package web

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/portvigil/portvigil"
)

// alertOf makes the sample alert one of another kind, as its host would raise it.
func alertOf(kind portvigil.Kind) func(*fakeEngine) {
	return func(e *fakeEngine) {
		info := kind.Info()
		e.alert.Kind, e.alert.Family = kind, info.Family
		if info.Family != portvigil.FamilyExposure || kind == portvigil.ManyDoors {
			e.alert.Port, e.alert.Proto, e.alert.Service, e.alert.Process = 0, "", nil, nil
		}
	}
}

// in puts the sample alert into a state.
func in(state portvigil.AlertState) func(*fakeEngine) {
	return func(e *fakeEngine) { e.alert.State = state }
}

func TestAlertIsToldAsAStory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*fakeEngine)
		says []string
		not  []string
	}{
		{"its facts, the newest of each view, and its story", nil, []string{"high Unexpected open door new: nobody has taken it yet",
			"Anybody who reaches this address can talk to it", "Host web1 Door 9100/tcp at 10.0.0.1 Behind it Prometheus node exporter 1.5.0, page “Node Exporter”",
			"Opened by /usr/bin/exporter , user prometheus, unit exporter.service, pid 812, started 1 hour ago",
			"Since 23 November 2026, 09:00 UTC (3 hours ago)", "From outside open , seen by office 5 minutes ago From inside listening 2 minutes ago",
			"PortVigil opened the alert 3 hours ago it was opened", "In the terminal",
			`portvigil alerts resolve 01a20a40-e9a6-74f7-a457-0205ea15a3aa --expected --why "…" --owner NAME`}, []string{"Resolved"}},
		{"what is not known is said to be unknown", func(e *fakeEngine) {
			e.alert.Service, e.alert.Process, e.alert.Views = nil, nil, portvigil.AlertViews{}
		}, []string{"Behind it not known: it has not answered yet", "Opened by not known: no inside view has seen it",
			"From outside no look from outside knows it From inside no look from inside knows it"}, nil},
		{"a container is named", func(e *fakeEngine) {
			id := "c0ffee"
			process := *e.alert.Process
			process.Container, e.alert.Process = &id, &process
		}, []string{"unit exporter.service, container c0ffee, pid 812"}, nil},
		{"of what is not recognised the first bytes are shown", func(e *fakeEngine) {
			e.alert.Service = &portvigil.Service{Banner: []byte("HELLO\x1b\r\nsecond\r\n")}
		}, []string{`Behind it unknown service Its first bytes HELLO\x1b second Usually`}, nil},
		{"a certificate that is over is said to be", func(e *fakeEngine) {
			e.alert.Service = &portvigil.Service{HostKey: "SHA256:abc", Certificate: &portvigil.Certificate{Subject: "CN=web1", Issuer: "CN=ca", Names: []string{"web1", "web1.example"}, NotAfter: noon.Add(-time.Hour), SHA256: "abcd"}}
		}, []string{"Certificate of CN=web1, by CN=ca, for web1, web1.example, until 23 November 2026, 11:00 UTC (over) SHA-256 abcd", "Host key SHA256:abc"}, nil},
		{"a resolved one says how and by whom, and leaves room for a comment", func(e *fakeEngine) { e.alert = resolved() },
			[]string{"Resolved: accepted by bob, 1 minute ago : until the move (owner ann), until 24 November 2026, 12:00 UTC", "Afterwards Comment…"},
			[]string{"What to do", "portvigil alerts resolve", "Expected…", "Shut it…", "Acknowledge…"}},
		{"one about a channel names it", func(e *fakeEngine) {
			e.alert = portvigil.Alert{ID: "A1", Kind: portvigil.ChannelFailing, Subject: portvigil.Subject{Kind: "channel", Name: "ops"}, State: portvigil.AlertNew, Opened: noon}
		}, []string{"Channel ops", "Send a test message", "portvigil channels test ops"}, []string{"Door ", "Opened by", "Look again"}},
		{"many rows are a table, those that need something first", func(e *fakeEngine) {
			alertOf(portvigil.DoorsToExplain)(e)
			explained := e.alert.Endpoints[0]
			explained.Explained = true
			e.alert.Endpoints = []portvigil.AlertEndpoint{explained, e.alert.Endpoints[0]}
		}, []string{"Choose 9100/tcp 9100/tcp 10.0.0.1 unexpected, open to the outside Prometheus node exporter 1.5.0 /usr/bin/exporter · prometheus · exporter.service 9100/tcp 10.0.0.1 explained"}, nil},
		{"a changed door says what differs", func(e *fakeEngine) {
			alertOf(portvigil.Kind(portvigil.Changed))(e)
			e.host.Exposures[2].Differences = []portvigil.Difference{{Field: "product", Want: "nginx", Got: "Apache"}}
			e.host.Exposures[2].Entry = &portvigil.Entry{Why: "the shop", Owner: "ann"}
		}, []string{"What differs Of the door The baseline says Seen now product nginx Apache The entry is there for: the shop (owner ann)", "The change was intended…"}, nil},
		{"one that waits for the folder shows the edit line by line", func(e *fakeEngine) {
			e.alert.State, e.alert.Edit = portvigil.AlertWaitingBaseline, "--- a/web1.yaml\n+++ b/web1.yaml\n+  why: \x1b[2J\n"
		}, []string{"The edit to make", `--- a/web1.yaml +++ b/web1.yaml + why: \x1b[2J`}, []string{"Expected…"}},
		{"one that ended by itself asks to be noted", func(e *fakeEngine) {
			e.alert = resolved()
			e.alert.Resolution.Kind, e.alert.Resolution.By = portvigil.ResolvedCleared, "portvigil"
		}, []string{"was high Unexpected open door web1 has", "Resolved: over by itself, 1 minute ago", "It was high and ended by itself.", "I have seen it"}, nil},
		{"a shared cause leads to the others", func(e *fakeEngine) {
			e.alert.Cause = &portvigil.Cause{Text: "the same new door on several hosts: 9100/tcp", Count: 37}
		},
			[]string{"One of 37 alerts with the same cause: the same new door on several hosts: 9100/tcp. See them together"}, nil},
		{"the baseline's entry is shown before it is written", nil,
			[]string{"The baseline will have 9100/tcp, product Prometheus node exporter, program /usr/bin/exporter ."}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newSite(base, edited(c.edit)).get(t, "/alerts/A1")
			text := seen(t, w)
			if w.Code != http.StatusOK {
				t.Errorf("answered %d", w.Code)
			}
			reads(t, w, c.says, c.not)
			if t.Failed() {
				t.Log(text)
			}
		})
	}
}

// TestAlertOffersWhatItsKindAllows holds the page against the rules: what it
// offers is never refused by them, whatever the kind.
func TestAlertOffersWhatItsKindAllows(t *testing.T) {
	t.Parallel()
	want := map[portvigil.Kind]string{
		portvigil.Kind(portvigil.Hidden):              "Shut it… False alarm… Report what listens there… I work on it Look again now",
		portvigil.Kind(portvigil.UnexpectedExposed):   "Expected… Shut it… Accept until… False alarm… I work on it Look again now",
		portvigil.Kind(portvigil.UnexpectedListening): "Expected… Shut it… Accept until… False alarm… I work on it Look again now",
		portvigil.Kind(portvigil.Changed):             "The change was intended… Shut it… Accept until… False alarm… I work on it Look again now",
		portvigil.Kind(portvigil.Missing):             "It is meant to be shut… Accept until… I work on it Look again now",
		portvigil.DoorsToExplain:                      "These belong there… I work on it Look again now",
		portvigil.ManyDoors:                           "Expected… Shut it… Accept until… I work on it Look again now",
		portvigil.HostUnreachable:                     "Accept until… I work on it Look again now",
		portvigil.AgentSilent:                         "Accept until… Report what listens there… I work on it Look again now",
		portvigil.VantageBlind:                        "Accept until… I work on it",
		portvigil.BaselineUnreadable:                  "I work on it",
		portvigil.ChannelFailing:                      "Accept until… I work on it Send a test message",
	}
	offers := []string{"These belong there…", "The change was intended…", "Expected…", "It is meant to be shut…", "Shut it…", "Accept until…", "False alarm…",
		"Report what listens there…", "I work on it", "Look again now", "Send a test message"}
	for _, info := range alertKinds() {
		e := edited(alertOf(info.Kind))
		text := seen(t, newSite(base, e).get(t, "/alerts/A1"))
		var got []string
		for _, offer := range offers {
			if strings.Contains(text, offer) {
				got = append(got, offer)
			}
		}
		if diff := cmp.Diff(want[info.Kind], strings.Join(got, " ")); diff != "" {
			t.Errorf("%s (-want +got)\n%s", info.Kind, diff)
		}
		a, can := e.alert, choicesOf(&e.alert)
		_, shut := a.Shut("ann", noon)
		_, accept := a.Accept("ann", "why", "ann", noon.Add(time.Hour), noon)
		_, wrong := a.False("ann", "why", portvigil.DoorPrint{}, noon)
		_, expect := a.Doors()
		if can.Shut && shut != nil || can.Accept && accept != nil || can.False && wrong != nil || can.Expect && expect != nil {
			t.Errorf("%s offers what is refused: %+v", info.Kind, can)
		}
	}
}

func TestAlertOffersWhatItsStateAllows(t *testing.T) {
	t.Parallel()
	for state, want := range map[portvigil.AlertState]choices{
		portvigil.AlertNew:             {Acknowledge: true, Investigate: true, Expect: true},
		portvigil.AlertAcknowledged:    {Acknowledge: true, Investigate: true, Expect: true},
		portvigil.AlertInvestigating:   {Expect: true},
		portvigil.AlertWaitingShut:     {Expect: true},
		portvigil.AlertWaitingBaseline: {},
		portvigil.AlertResolved:        {},
	} {
		e := edited(in(state))
		if state == portvigil.AlertResolved {
			e.alert = resolved()
		}
		got := choicesOf(&e.alert)
		if diff := cmp.Diff(want, choices{Acknowledge: got.Acknowledge, Investigate: got.Investigate, Expect: got.Expect}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", state, diff)
		}
	}
}

func TestAlertFormsSayWhatIsMissingWhereTheyStand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, form, says, keeps string }{
		{"expected without a reason", "resolve", "kind=expected&owner=bob", "The reason is missing; write why, for whoever reads it in a year.", `value="bob"`},
		{"expected without an owner", "resolve", "kind=expected&why=the+shop", "The owner is missing", `value="the shop"`},
		{"accepted without a date", "resolve", "kind=accepted&why=the+shop&owner=bob", "The date is missing", `value="the shop"`},
		{"false without a reason", "resolve", "kind=false&why=+", "The reason is missing", ""},
		{"acknowledged until nonsense", "ack", "until=tomorrow", `"tomorrow" is no date; write it as 2026-11-23.`, ""},
		{"an empty comment", "comment", "text=+", "The comment is empty", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(nil))
			w := s.send("/alerts/A1/"+c.path, c.form, s.signInUser(t))
			text := seen(t, w)
			if w.Code != http.StatusBadRequest || strings.Count(text, c.says) != 1 || !strings.Contains(w.Body.String(), c.keeps) {
				t.Errorf("answered %d, and has to say %q once and keep %q: %s", w.Code, c.says, c.keeps, w.Body)
			}
			if !strings.Contains(w.Body.String(), `data-key="a" open`) && c.path == "ack" {
				t.Error("the form is not open")
			}
			for _, wrong := range faults(w.Body.String()) {
				t.Error(wrong)
			}
			for _, call := range s.engine.asked() {
				if !strings.HasPrefix(call, "alert ") {
					t.Errorf("asked was %q", call)
				}
			}
		})
	}
}

// TestAlertSuggestsTheReasonThatFirstStepsWould reads the form that expects a door
// as it stands before anybody typed.
func TestAlertSuggestsTheReasonThatFirstStepsWould(t *testing.T) {
	t.Parallel()
	changed := func(e *fakeEngine) {
		alertOf(portvigil.Kind(portvigil.Changed))(e)
		e.host.Exposures[2].Entry = &portvigil.Entry{Why: "the shop", Owner: "carl"}
	}
	run := func(exe, source string) func(*fakeEngine) {
		return func(e *fakeEngine) {
			e.alert.Service, e.alert.Process = nil, &portvigil.Process{Exe: exe, Package: &portvigil.Package{Name: source, Source: source}}
		}
	}
	for _, c := range []struct {
		name       string
		edit       func(*fakeEngine)
		why, owner string
		says, not  []string
	}{
		{"by what answers", nil, "monitoring", "ann", []string{"Usually A monitoring agent tells monitoring about this machine. Opened by", "Careful: It is made for those who run the machine", "suggested by what is seen"}, nil},
		{"none where another program is usual", run("/usr/sbin/x", "chrony"), "", "ann", []string{"the program here is another one"}, []string{"suggested by"}},
		{"by the package of the program, wherever it listens", func(e *fakeEngine) {
			run("/usr/sbin/x", "openssh")(e)
			e.alert.Port = 2222
		}, "how we log in", "ann", []string{"Usually SSH is how people and programs log in."}, []string{"Careful"}},
		{"nothing of what nobody knows", func(e *fakeEngine) {
			run("/opt/x", "x")(e)
			e.alert.Port = 4000
		}, "", "ann", []string{"Usually Not one that we know."}, []string{"suggested by", "Careful"}},
		{"what is reached by few is not warned of", func(e *fakeEngine) {
			e.alert.Views.Outside = nil
			e.alert.Memory.Print = &portvigil.DoorPrint{Scope: portvigil.ScopePrivate}
		}, "monitoring", "ann", nil, []string{"Careful"}},
		{"what was intended keeps the reason and the owner of its entry", changed, "the shop", "carl", nil, []string{"suggested by"}},
		{"a reason that does not fit the field is not cut", func(e *fakeEngine) {
			changed(e)
			e.host.Exposures[2].Entry.Why = strings.Repeat("the shop ", 100)
		}, "", "carl", nil, []string{"suggested by"}},
		{"many doors have no reason in common", alertOf(portvigil.ManyDoors), "", "ann", nil, []string{"Usually", "suggested by"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(c.edit))
			cookie := s.signInUser(t)
			as := func(r *http.Request) { r.AddCookie(cookie) }
			w := s.request("GET", "/alerts/A1", as)
			reads(t, w, c.says, c.not)
			form := formOf(t, w.Body.String(), "/alerts/"+s.engine.alert.ID+"/resolve")
			if form.Get("why") != c.why || form.Get("owner") != c.owner || form.Get("kind") != "expected" {
				t.Errorf("the form is %v, want why %q and owner %q", form, c.why, c.owner)
			}
			s.engine.forget(0)
			want, status := []string{`resolve "A1" expected why=` + c.why + " owner=" + c.owner + " by ann"}, http.StatusSeeOther
			if c.why == "" {
				want, status = []string{}, http.StatusBadRequest // the rules ask for a reason
			}
			w = s.post("/alerts/A1/resolve", form, as)
			got := slices.DeleteFunc(s.engine.asked(), func(call string) bool { return !strings.HasPrefix(call, "resolve") })
			if diff := cmp.Diff(want, got); diff != "" || w.Code != status {
				t.Errorf("answered %d, want %d; asked (-want +got)\n%s", w.Code, status, diff)
			}
		})
	}
}

func TestAlertFormThatWasEmptiedStaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	w := s.send("/alerts/A1/resolve", "kind=expected&why=&owner=", s.signInUser(t))
	form := formOf(t, w.Body.String(), "/alerts/"+s.engine.alert.ID+"/resolve")
	if text := seen(t, w); w.Code != http.StatusBadRequest || !strings.Contains(text, "The reason is missing") || form.Get("why")+form.Get("owner") != "" {
		t.Errorf("answered %d with %v: %s", w.Code, form, text)
	}
}

func TestAlertFormsAreDone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, path, form string
		edit             func(*fakeEngine)
		asked            []string
		says             string
	}{
		{"a new one is acknowledged by who investigates it", "investigate", "", nil, []string{`ack "A1" until <nil> by ann`, `investigate "A1" by ann`}, "somebody works on it"},
		{"an acknowledged one is not again", "investigate", "", in(portvigil.AlertAcknowledged), []string{`investigate "A1" by ann`}, "somebody works on it"},
		{"shut, and looked at", "resolve", "kind=shut", in(portvigil.AlertWaitingShut), []string{`resolve "A1" shut why= owner= by ann`}, "ends when a complete look sees it so"},
		{"accepted", "resolve", "kind=accepted&why=w&owner=o&until=2027-01-01", nil, []string{`resolve "A1" accepted why=w owner=o by ann`}, "Accepted: it comes back"},
		{"chosen doors are approved", "approve", "door=22/tcp&door=80/tcp&why=w&owner=o", alertOf(portvigil.DoorsToExplain), []string{`approve "web1" [22/tcp 80/tcp] why=w owner=o by ann`}, "2 doors more now"},
		{"the door leaves the baseline", "remove", "", alertOf(portvigil.Kind(portvigil.Missing)), []string{`remove door "9100/tcp" of "web1" by ann`}, "9100/tcp is out of the baseline"},
		{"the host is looked at", "look", "", nil, []string{`ask for look at "web1" `}, "A look is on its way"},
		{"the channel is tested", "test", "", func(e *fakeEngine) {
			e.alert.Kind, e.alert.Subject = portvigil.ChannelFailing, portvigil.Subject{Kind: "channel", Name: "ops"}
		}, []string{`test channel "ops" by ann`}, "The channel took the message"},
		{"what ended by itself is noted", "ack", "", func(e *fakeEngine) { e.alert = resolved() }, []string{`ack "A1" until <nil> by ann`}, "Noted: it leaves the list."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(c.edit))
			cookie := s.signInUser(t)
			w := s.send("/alerts/A1/"+c.path, c.form+"&since="+noon.Add(-time.Minute).Format(time.RFC3339Nano), cookie)
			if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/alerts/A1" {
				t.Fatalf("answered %d: %s", w.Code, seen(t, w))
			}
			got := slices.DeleteFunc(s.engine.asked(), func(call string) bool { return strings.HasPrefix(call, "alert ") })
			if diff := cmp.Diff(c.asked, got); diff != "" {
				t.Errorf("asked (-want +got)\n%s", diff)
			}
			if text := seen(t, s.request("GET", "/alerts/A1", func(r *http.Request) { r.AddCookie(cookie) })); !strings.Contains(text, c.says) {
				t.Errorf("the page does not say %q: %s", c.says, text)
			}
		})
	}
}

func TestAlertShowsTheEditWhereTheBaselineFollowsAFolder(t *testing.T) {
	t.Parallel()
	for path, kind := range map[string]portvigil.Kind{"approve": portvigil.DoorsToExplain, "remove": portvigil.Kind(portvigil.Missing)} {
		e := edited(alertOf(kind))
		e.edit = "--- a/web1.yaml\n+++ b/web1.yaml\n"
		s := newSite(base, e)
		w := s.send("/alerts/A1/"+path, "door=22/tcp&why=w&owner=o", s.signInUser(t))
		if text := seen(t, w); w.Code != http.StatusOK || !strings.Contains(text, "The edit to make") || !strings.Contains(text, "--- a/web1.yaml") {
			t.Errorf("%s answered %d: %s", path, w.Code, text)
		}
	}
}

func TestAlertThatAnotherPersonDecidedIsToldFirst(t *testing.T) {
	t.Parallel()
	bob := portvigil.AuditEntry{Time: noon.Add(-2 * time.Minute), By: "bob", What: "acknowledged"}
	over := func(by string, kind portvigil.ResolutionKind, ago time.Duration) func(*fakeEngine) {
		return func(e *fakeEngine) {
			e.alert = resolved()
			e.alert.Resolution = &portvigil.Resolution{Kind: kind, By: by, Why: "the shop", Time: noon.Add(-ago)}
			e.refuse = map[string]error{"A1": portvigil.Errorf(portvigil.CodeConflict, "alert A1 is resolved already")}
		}
	}
	for _, c := range []struct {
		name   string
		edit   func(*fakeEngine)
		status int
		says   string
		done   bool
	}{
		{"bob acknowledged it after the page was opened", func(e *fakeEngine) { e.story = append(e.story, bob) }, 409,
			"Since you opened this page, bob acknowledged it 2 minutes ago; nothing of yours was done; what you typed is still there", false},
		{"bob only said something", func(e *fakeEngine) {
			said := bob
			said.What = "comment"
			e.story = append(e.story, said)
		}, 303, "", true},
		{"bob did so before the page was opened", func(e *fakeEngine) {
			before := bob
			before.Time = noon.Add(-time.Hour)
			e.story = append(e.story, before)
		}, 303, "", true},
		{"ann did so herself", func(e *fakeEngine) {
			own := bob
			own.By = "ann"
			e.story = append(e.story, own)
		}, 303, "", true},
		{"bob resolved it at the same moment", over("bob", portvigil.ResolvedAccepted, time.Minute), 409,
			"It is over: bob accepted the risk 1 minute ago (the shop); nothing of yours was done", true},
		{"it ended by itself", over("portvigil", portvigil.ResolvedCleared, time.Minute), 409, "It is over: PortVigil resolved it as over 1 minute ago (the shop); nothing of yours was done", true},
		{"ann clicked twice", over("ann", portvigil.ResolvedExpected, time.Second), 303, "", true},
		{"ann resolved it in another way", over("ann", portvigil.ResolvedFalse, time.Second), 409, "It is over: ann resolved it as a false alarm just now", true},
		{"ann resolved it long ago", over("ann", portvigil.ResolvedExpected, time.Hour), 409, "It is over: ann resolved it as expected 1 hour ago", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(base, edited(c.edit))
			w := s.send("/alerts/A1/resolve", "kind=expected&why=my+own+reason&owner=ann&since="+noon.Add(-10*time.Minute).Format(time.RFC3339Nano), s.signInUser(t))
			text := seen(t, w)
			if w.Code != c.status || !strings.Contains(text, c.says) {
				t.Errorf("answered %d, and has to say %q: %s", w.Code, c.says, text)
			}
			if w.Code == http.StatusConflict && strings.Count(w.Body.String(), "my own reason") != 1 {
				t.Error("what was typed is not there, once")
			}
			asked := slices.ContainsFunc(s.engine.asked(), func(call string) bool { return strings.HasPrefix(call, "resolve") })
			if asked != c.done {
				t.Errorf("asked was %q", s.engine.asked())
			}
		})
	}
}

func TestAlertThatIsNotThereIsSaidInASentence(t *testing.T) {
	t.Parallel()
	for says, err := range map[string]error{
		"There is no alert xyzxyz; list them with": portvigil.Errorf(portvigil.CodeNotFound, "there is no alert xyzxyz").WithHint("list them with: portvigil alerts list"),
		"abcdef could be any of A1, A2; give more": portvigil.Errorf(portvigil.CodeConflict, "abcdef could be any of A1, A2").WithHint("give more of the id"),
	} {
		s := newSite(base, edited(func(e *fakeEngine) { e.err = err }))
		cookie := s.signInUser(t)
		for _, w := range []*httptest.ResponseRecorder{
			s.request("GET", "/alerts/xyzxyz", func(r *http.Request) { r.AddCookie(cookie) }), s.send("/alerts/xyzxyz/ack", "", cookie)} {
			if text := seen(t, w); w.Code != statusOf(portvigil.ErrorCode(err)) || !strings.Contains(strings.ToLower(text), strings.ToLower(says)) {
				t.Errorf("answered %d: %s", w.Code, text)
			}
		}
	}
}

func TestAlertFormsTellWhatWasKnownToWhoSendsThem(t *testing.T) {
	t.Parallel()
	s := newSite(base, edited(nil))
	values := func() []string {
		return valuesOf(t, s.get(t, "/alerts/A1").Body.String(), "value", func(n *html.Node) bool { return attribute(n, "name") == "since" })
	}
	first := values()
	s.now = s.now.Add(time.Minute)
	if diff := cmp.Diff(first, values()); diff != "" {
		t.Errorf("the forms are others a minute later (-want +got)\n%s", diff)
	}
	for _, since := range first {
		if since != noon.Add(-3*time.Hour).Format(time.RFC3339Nano) {
			t.Errorf("a form tells of %s, and the last step was three hours ago", since)
		}
	}
	if len(first) < 5 {
		t.Errorf("%d forms tell what was known", len(first))
	}
}
