package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// sampleAgenda is a review that ann has begun: one entry is decided, three are not.
func sampleAgenda(t *testing.T) portvigil.Agenda {
	t.Helper()
	d, err := portvigil.ReadDocument("host", "web1", []byte(sampleText))
	if err != nil {
		t.Fatal(err)
	}
	item := func(k int, sight portvigil.EntrySight, reasons ...portvigil.ReviewReason) portvigil.ReviewItem {
		return portvigil.ReviewItem{Kind: "host", Name: "web1", Version: 1, Index: k, Entry: d.Entries[k], Sight: sight, Reasons: reasons}
	}
	decided := portvigil.ReviewDecision{Kind: "host", Name: "web1", Version: 1, Target: "22/tcp", Verdict: portvigil.ReviewKeep, Text: portvigil.FormatEntry(d.Entries[0]), By: "ann", Time: noon}
	a := portvigil.Agenda{
		Review: &portvigil.Review{ID: "R2", Begun: noon.Add(-48 * time.Hour), By: "ann", Decisions: []portvigil.ReviewDecision{decided},
			Documents: []portvigil.ReviewedDocument{{Kind: "host", Name: "web1", Version: 1}}},
		Items: []portvigil.ReviewItem{item(0, portvigil.SightOpen, portvigil.ReviewNew),
			item(1, portvigil.SightOpen, portvigil.ReviewUnexplained, portvigil.ReviewNoOwner), item(2, portvigil.SightShut, portvigil.ReviewExpired), item(3, portvigil.SightListening, portvigil.ReviewNew)},
		Meanwhile: []portvigil.BaselineVersion{{Kind: "group", Name: "front", Version: 4, By: "eve", Why: "restored version 2", Time: noon}},
	}
	a.Items[0].Decision = &decided
	last := sampleReview()
	a.Last = &last
	return a
}

func sampleReview() portvigil.Review {
	return portvigil.Review{ID: "R1", Begun: noon.Add(-800 * time.Hour), By: "ann", Signed: noon.Add(-700 * time.Hour), SignedBy: "ann", Name: "Ann A.", Remark: "all well",
		Documents: []portvigil.ReviewedDocument{{Kind: "host", Name: "web1", Version: 1}},
		Decisions: []portvigil.ReviewDecision{{Kind: "host", Name: "web1", Target: "21/tcp", Verdict: portvigil.ReviewClose, Text: "  - port: 21\n    why: \"\"\n", By: "ann", Time: noon}},
		Left:      []portvigil.ReviewedEntry{{Kind: "group", Name: "front", Target: "443/tcp"}}}
}

func reviewed(t *testing.T) (*site, *http.Cookie) {
	t.Helper()
	s, cookie := documented(t)
	s.engine.agenda, s.engine.reviews = sampleAgenda(t), []portvigil.Review{sampleReview()}
	return s, cookie
}

func TestAReviewShowsWhatIsLeftAndWhatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	w := s.as(t, cookie, "/review")
	says(t, w, 200, "3 to decide", "1 decided; begun 2 days ago by ann", "the last review was signed by Ann A.", "Changed meanwhile,", "front, version 4 by eve",
		"80/tcp not explained no owner open from outside", "Nobody has written why it is open.", "9100/tcp expired not open never seen open", "Decided so far (1)", "kept : 22/tcp of web1", "Leave 3 undecided")
	if n := strings.Count(w.Body.String(), "<article"); n != 3 {
		t.Errorf("%d entries are shown", n)
	}
}

func TestDecisionsOfAReviewAreDone(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	for _, c := range []struct{ form, asked, says string }{
		{"of=host&name=web1&version=1&index=1&target=80/tcp&verdict=keep&why=+the+shop&owner=ann", `decide host "web1" version 1 entry 1: keep why=the shop owner=ann expires= by ann`, "Kept: 80/tcp."},
		{"of=host&name=web1&version=1&index=2&target=9100/tcp&verdict=keep&expires=2027-06-30", `decide host "web1" version 1 entry 2: keep why= owner= expires=2027-06-30 by ann`, "Kept: 9100/tcp."},
		{"of=host&name=web1&version=1&index=2&target=9100/tcp&verdict=close", `decide host "web1" version 1 entry 2: close why= owner= expires= by ann`, "Closed, and its entry is gone: 9100/tcp."},
	} {
		w := s.send("/review/decide", c.form, cookie)
		if w.Code != http.StatusSeeOther || !slices.Contains(s.engine.asked(), c.asked) {
			t.Errorf("answered %d; asked was %q", w.Code, s.engine.asked())
		}
		says(t, s.as(t, cookie, "/review"), 200, c.says)
	}
	if w := s.send("/review/decide", "of=host&name=web1&version=x&index=y&verdict=keep", cookie); w.Code != http.StatusSeeOther || !slices.Contains(s.engine.asked(), `decide host "web1" version -1 entry -1: keep why= owner= expires= by ann`) {
		t.Errorf("answered %d; asked was %q", w.Code, s.engine.asked())
	}
}

func TestWhatIsNewAndPlainIsKeptAtOnce(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	more := s.engine.agenda.Items[3]
	more.Index = 4
	s.engine.agenda.Items = append(s.engine.agenda.Items, more)
	page := s.as(t, cookie, "/review")
	says(t, page, 200, "Keep 2 at once")
	w := s.fill(t, cookie, page, "/review/keep", nil)
	var decided []string
	for _, asked := range s.engine.asked() {
		if strings.HasPrefix(asked, "decide") {
			decided = append(decided, asked)
		}
	}
	want := []string{`decide host "web1" version 1 entry 3: keep why= owner= expires= by ann`, `decide host "web1" version 1 entry 4: keep why= owner= expires= by ann`}
	if w.Code != http.StatusSeeOther || !slices.Equal(decided, want) {
		t.Errorf("answered %d; decided was %q", w.Code, decided)
	}
}

func TestADecisionThatCannotBeDoneSaysSoAtItsEntry(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	s.engine.fails = map[string]error{"decide": portvigil.Errorf(portvigil.CodeInvalid, "what is kept needs a reason and an owner")}
	w := s.send("/review/decide", "of=host&name=web1&version=1&index=1&verdict=keep&why=half+a+sentence", cookie)
	sound(t, "/review/decide", w)
	says(t, w, 400, "What is kept needs a reason and an owner.")
	body := w.Body.String()
	article := body[strings.Index(body, `id="host-web1-1"`):strings.Index(body, `id="host-web1-2"`)]
	if !strings.Contains(article, `role="alert"`) || !strings.Contains(article, `value="half a sentence"`) || strings.Count(body, `role="alert"`) != 1 {
		t.Errorf("the entry has:\n%s", article)
	}
}

func TestWhereAFolderIsFollowedADecisionShowsItsEdit(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	s.engine.folder = "/srv/baseline"
	w := s.send("/review/decide", "of=host&name=web1&version=1&index=1&target=80/tcp&verdict=close", cookie)
	sound(t, "/review/decide", w)
	says(t, w, 200, "The edit to make for 80/tcp", "Nothing was saved", "+++ b/web1.yaml")
}

func TestAnEntryThatIsChangedFromTheReviewCountsAsDecided(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	page := s.as(t, cookie, "/baseline/web1/entry?k=1&review=1")
	check := s.fill(t, cookie, page, "/baseline/web1/entry", url.Values{"why": {"front"}, "step": {"check"}})
	w := s.fill(t, cookie, check, "/baseline/web1/entry", url.Values{"step": {"save"}})
	if w.Header().Get("Location") != "/review" || !slices.Contains(s.engine.asked(), `decide host "web1" version 2 entry 1: change why= owner= expires= by ann`) {
		t.Errorf("it leads to %s; asked was %q", w.Header().Get("Location"), s.engine.asked())
	}
}

func TestAReviewIsSignedAndListed(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	page := s.as(t, cookie, "/review")
	if name := fieldsOf(t, page, "/review/sign").Get("name"); name != "ann" {
		t.Errorf("the name is %q", name)
	}
	w := s.fill(t, cookie, page, "/review/sign", url.Values{"name": {"Ann A."}, "remark": {"two\r\nlines"}, "leave": {"1"}})
	if w.Header().Get("Location") != "/review/R1" || !slices.Contains(s.engine.asked(), "sign name=Ann A. remark=two\nlines leave=true by ann") {
		t.Errorf("it leads to %s; asked was %q", w.Header().Get("Location"), s.engine.asked())
	}
	says(t, s.as(t, cookie, "/review/R1"), 200, "Review signed by Ann A.", "all well", "21/tcp web1 closed ann", "port: 21", "Left undecided", "443/tcp of front", "web1 , version 1", "Signed. The next review")
	says(t, s.as(t, cookie, "/review/R9"), 404, "There is no such review")
	s.engine.fails = map[string]error{"sign": portvigil.Errorf(portvigil.CodeConflict, "entries are undecided: 3")}
	w = s.fill(t, cookie, page, "/review/sign", url.Values{"remark": {"nearly"}})
	says(t, w, 409, "Entries are undecided: 3.")
	if got := fieldsOf(t, w, "/review/sign"); got.Get("remark") != "nearly" {
		t.Errorf("what was typed is lost: %v", got)
	}
}

func TestAReviewOfThousandsIsShownInParts(t *testing.T) {
	t.Parallel()
	s, cookie := reviewed(t)
	a := &s.engine.agenda
	one, decided, beside, signed := a.Items[1], a.Items[0].Decision, a.Meanwhile[0], sampleReview()
	for i := range 5000 {
		one.Name, one.Reasons = fmt.Sprintf("web%04d.example.com", i), []portvigil.ReviewReason{portvigil.ReviewUnexplained, portvigil.ReviewNoOwner, portvigil.ReviewExpired, portvigil.ReviewNew}
		decided.Name, beside.Name, signed.ID = one.Name, one.Name, fmt.Sprint("R", i)
		a.Items = append(a.Items, one)
		a.Review.Decisions = append(a.Review.Decisions, *decided)
		a.Meanwhile = append(a.Meanwhile, beside)
		signed.Decisions, signed.Left = append(signed.Decisions, *decided), append(signed.Left, portvigil.ReviewedEntry{Kind: "host", Name: one.Name, Target: "443/tcp"})
		signed.Documents = append(signed.Documents, portvigil.ReviewedDocument{Kind: "host", Name: one.Name, Version: 3})
	}
	for range 40 {
		s.engine.reviews = append(s.engine.reviews, signed)
	}
	w := s.as(t, cookie, "/review")
	says(t, w, 200, "5003 to decide", "4953 more come up as these are decided", "Decided so far (5001)", "kept : 22/tcp of web4999.example.com", "4951 before")
	past := s.as(t, cookie, "/review/"+signed.ID)
	says(t, past, 200, "5001 decisions", "4951 more", "Left undecided")
	for _, page := range []*httptest.ResponseRecorder{w, past} {
		if n := page.Body.Len() + s.shared(cookie.Value); n > maxWeight {
			t.Errorf("a page weighs %d bytes", n)
		}
	}
}

func TestTheReviewIsInTheAPI(t *testing.T) {
	t.Parallel()
	e := &fakeEngine{agenda: sampleAgenda(t), reviews: []portvigil.Review{sampleReview()}}
	for _, c := range []struct{ method, path, body, has string }{
		{"GET", "/v1/review", "", `"reasons":["unexplained","no-owner"]`},
		{"POST", "/v1/review", `{"kind":"host","name":"web1","version":1,"index":1,"verdict":"keep","why":"shop","owner":"ann"}`, `"version":1`},
		{"POST", "/v1/review/sign", `{"name":"Ann","leave":true}`, `"id":"R1"`},
		{"GET", "/v1/reviews", "", `"remark":"all well"`},
	} {
		w := ask(t, e, c.method, c.path, c.body)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.has) {
			t.Errorf("%s %s answered %d: %s", c.method, c.path, w.Code, w.Body)
		}
	}
	if got := ask(t, &fakeEngine{}, "GET", "/v1/reviews", "").Body.String(); got != "[]\n" {
		t.Errorf("no review is %q", got)
	}
}
