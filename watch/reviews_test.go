package watch

import (
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

const toReview = `version: 1
host: web1
entries:
  - port: 22   # ssh
    why: administration
    owner: ann

  - {port: 80} # what for?
  - port: 9100
    why: metrics
    owner: bob
    expires: 2020-01-01
`

// reviewing is web1 with 22, 80 and 9100 open, and a baseline that has to be looked at.
func reviewing(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.web(22, 80, 9100)
	must(w.write("ann", 0, toReview))
	return w
}

// decide asks for a decision about the entry for a target, as the agenda has it.
func (w *world) decide(by, target string, q portvigil.ReviewRequest) (portvigil.BaselineVersion, error) {
	w.Helper()
	for _, i := range must(w.engine.Agenda(w.Context())).Items {
		if i.Entry.Target() == target {
			q.Kind, q.Name, q.Version, q.Index = i.Kind, i.Name, i.Version, i.Index
			return w.engine.Decide(w.Context(), by, q)
		}
	}
	w.Fatalf("%s is not to be reviewed", target)
	return portvigil.BaselineVersion{}, nil
}

// undecided is what is left of the agenda: "22/tcp new".
func (w *world) undecided() (list []string) {
	for _, i := range must(w.engine.Agenda(w.Context())).Items {
		if i.Decision == nil {
			text := i.Entry.Target()
			for _, r := range i.Reasons {
				text += " " + string(r)
			}
			list = append(list, text)
		}
	}
	return list
}

func (w *world) isUndecided(want ...string) {
	w.Helper()
	if got := w.undecided(); !slices.Equal(got, want) {
		w.Errorf("undecided is %q, want %q", got, want)
	}
}

// toExplain reports whether an open alert has the port as a row that nobody explained.
func (w *world) toExplain(port uint16) bool {
	return slices.ContainsFunc(w.alerts(true), func(a portvigil.Alert) bool {
		return slices.ContainsFunc(a.Endpoints, func(e portvigil.AlertEndpoint) bool { return e.Port == port && !e.Explained })
	})
}

func TestAReviewIsLeftAndResumed(t *testing.T) {
	t.Parallel()
	w := reviewing(t)
	w.isUndecided("22/tcp new", "80/tcp unexplained no-owner new", "9100/tcp expired new")
	must(w.decide("ann", "22/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep}))
	w.run(2 * day)
	w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock}) // started anew
	w.isUndecided("80/tcp unexplained no-owner new", "9100/tcp expired new")
	_, err := w.decide("bob", "80/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep})
	w.refused(err, portvigil.CodeInvalid)
	v := must(w.decide("bob", "80/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep, Why: " the shop ", Owner: "bob"}))
	if want := strings.Replace(toReview, "{port: 80}", "{port: 80, proto: tcp, why: the shop, owner: bob}", 1); v.Text != want {
		t.Errorf("got:\n%s", v.Text)
	}
	if v.Version != 2 || v.Why != "review: keep 80/tcp" || v.By != "bob" {
		t.Errorf("saved as %+v", v)
	}
	w.isUndecided("9100/tcp expired new")
	_, err = w.engine.SignReview(t.Context(), "bob", portvigil.ReviewSignature{Name: "Bob"})
	w.refused(err, portvigil.CodeConflict)
	must(w.decide("bob", "9100/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep, Expires: "never"}))
	_, err = w.engine.SignReview(t.Context(), "bob", portvigil.ReviewSignature{Name: "  "})
	w.refused(err, portvigil.CodeInvalid)
	signed := must(w.engine.SignReview(t.Context(), "bob", portvigil.ReviewSignature{Name: "Bob B.", Remark: "all well"}))
	if signed.By != "ann" || signed.SignedBy != "bob" || signed.Name != "Bob B." || len(signed.Decisions) != 3 || len(signed.Left) != 0 ||
		!slices.Equal(signed.Documents, []portvigil.ReviewedDocument{{Kind: docHost, Name: web1, Version: 3}}) {
		t.Errorf("signed was %+v", signed)
	}
	a := must(w.engine.Agenda(t.Context()))
	if a.Review != nil || a.Last == nil || a.Last.ID != signed.ID || len(a.Items) != 0 {
		t.Errorf("afterwards there is %+v", a)
	}
	must(w.write("eve", 3, strings.Replace(must(w.engine.Document(t.Context(), docHost, web1)).Text, "port: 9100", "port: 9101", 1)))
	w.isUndecided("9101/tcp not-open new")
	if list := must(w.engine.Reviews(t.Context())); len(list) != 1 || list[0].ID != signed.ID {
		t.Errorf("past reviews are %+v", list)
	}
}

func TestWhatIsClosedRaisesAnAlertWhereItIsOpen(t *testing.T) {
	t.Parallel()
	w := reviewing(t)
	if w.toExplain(22) {
		t.Fatal("22 is to be explained before anything was closed")
	}
	v := must(w.decide("ann", "22/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewClose}))
	if strings.Contains(v.Text, "port: 22") || !strings.Contains(v.Text, "# what for?") {
		t.Errorf("got:\n%s", v.Text)
	}
	if !w.toExplain(22) {
		t.Errorf("alerts are %q", sentences(w.alerts(true)))
	}
	w.isUndecided("80/tcp unexplained no-owner new", "9100/tcp expired new")
}

func TestWhatChangedMeanwhileIsSaid(t *testing.T) {
	t.Parallel()
	w := reviewing(t)
	must(w.decide("ann", "22/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep}))
	if m := must(w.engine.Agenda(t.Context())).Meanwhile; len(m) != 0 {
		t.Errorf("nobody changed anything: %+v", m)
	}
	stale := must(w.engine.Agenda(t.Context())).Items[1]
	must(w.write("eve", 1, strings.Replace(toReview, "why: administration", "why: games", 1)))
	a := must(w.engine.Agenda(t.Context()))
	if len(a.Meanwhile) != 1 || a.Meanwhile[0].By != "eve" || a.Meanwhile[0].Version != 2 || a.Meanwhile[0].Text != "" {
		t.Errorf("meanwhile: %+v", a.Meanwhile)
	}
	w.isUndecided("22/tcp new", "80/tcp unexplained no-owner new", "9100/tcp expired new") // what was kept says something else now
	_, err := w.engine.Decide(t.Context(), "ann", portvigil.ReviewRequest{Kind: stale.Kind, Name: stale.Name, Version: stale.Version, Index: stale.Index, Verdict: portvigil.ReviewClose})
	w.refused(err, portvigil.CodeConflict)
	must(w.decide("ann", "80/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewClose}))
	if m := must(w.engine.Agenda(t.Context())).Meanwhile; len(m) != 1 || m[0].By != "eve" {
		t.Errorf("a decision hides what eve did, or counts as beside the review: %+v", m)
	}
}

func TestAnEditCountsAsDecided(t *testing.T) {
	t.Parallel()
	w := reviewing(t)
	must(w.decide("ann", "22/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep}))
	v := must(w.write("ann", 1, strings.Replace(toReview, "2020-01-01", "2099-01-01", 1)))
	must(w.engine.Decide(t.Context(), "ann", portvigil.ReviewRequest{Kind: docHost, Name: web1, Version: v.Version, Index: 2, Verdict: portvigil.ReviewChange}))
	w.isUndecided("80/tcp unexplained no-owner new")
	if m := must(w.engine.Agenda(t.Context())).Meanwhile; len(m) != 0 {
		t.Errorf("the edit counts as beside the review: %+v", m)
	}
}

func TestAReviewThatIsSignedEarlyLeavesTheRest(t *testing.T) {
	t.Parallel()
	w := reviewing(t)
	r := must(w.engine.SignReview(t.Context(), "ann", portvigil.ReviewSignature{Name: "Ann", Leave: true}))
	if len(r.Left) != 3 || r.Left[0].Target != "22/tcp" {
		t.Errorf("left are %+v", r.Left)
	}
	w.isUndecided("22/tcp new", "80/tcp unexplained no-owner new", "9100/tcp expired new")
}

func TestDecisionsThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	w := reviewing(t)
	for name, c := range map[string]struct {
		q    portvigil.ReviewRequest
		code portvigil.Code
	}{
		"a document that is not there": {portvigil.ReviewRequest{Kind: docGroup, Name: "x", Verdict: portvigil.ReviewKeep}, portvigil.CodeConflict},
		"an entry that is not there":   {portvigil.ReviewRequest{Kind: docHost, Name: web1, Version: 1, Index: 3, Verdict: portvigil.ReviewKeep}, portvigil.CodeNotFound},
		"a negative entry":             {portvigil.ReviewRequest{Kind: docHost, Name: web1, Version: 1, Index: -1, Verdict: portvigil.ReviewKeep}, portvigil.CodeNotFound},
		"no decision":                  {portvigil.ReviewRequest{Kind: docHost, Name: web1, Version: 1, Verdict: "burn"}, portvigil.CodeInvalid},
		"an end that is no date":       {portvigil.ReviewRequest{Kind: docHost, Name: web1, Version: 1, Verdict: portvigil.ReviewKeep, Expires: "soon"}, portvigil.CodeInvalid},
	} {
		if _, err := w.engine.Decide(t.Context(), "ann", c.q); portvigil.ErrorCode(err) != c.code {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if a := must(w.engine.Agenda(t.Context())); a.Review != nil {
		t.Errorf("a review was begun: %+v", a.Review)
	}
}

func TestWhereAFolderIsFollowedADecisionThatNeedsAnEditIsNotMade(t *testing.T) {
	t.Parallel()
	w, d := followed(t)
	d.write("hosts/web1.yaml", explains22+"  - {port: 80} # what for?\n")
	w.polled()
	must(w.decide("ann", "22/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep})) // needs none
	v := must(w.decide("ann", "80/tcp", portvigil.ReviewRequest{Verdict: portvigil.ReviewClose}))
	if !strings.Contains(v.Edit, "\n-  - {port: 80} # what for?\n") {
		t.Errorf("the edit is:\n%s", v.Edit)
	}
	if got := w.undecided(); len(got) != 1 || !strings.HasPrefix(got[0], "80/tcp") {
		t.Errorf("undecided is %q", got)
	}
}
