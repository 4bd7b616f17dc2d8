package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/portvigil/portvigil"
)

// maxReviewed bounds the entries that a review shows at once: the next come up as
// these are decided.
const maxReviewed = 50

// maxPast bounds the past reviews beneath the one that is open, and maxDecided what
// was decided in one.
const (
	maxPast    = 12
	maxDecided = 50
)

// reviewPage is what /review shows.
type reviewPage struct {
	portvigil.Agenda
	Parts   []reviewPart
	More    int                            // entries beyond those shown
	Decided some[portvigil.ReviewDecision] // in the review that is open, the newest first
	Folder  string
	Past    some[portvigil.ReviewSummary]
	Form    form
}

// reviewPart is what there is to decide about one document.
type reviewPart struct {
	subject
	Version int
	Items   []reviewItem
	Easy    int // of them, which can be kept as they are
}

// reviewItem is an entry with what its forms ask.
type reviewItem struct {
	portvigil.ReviewItem
	AskWhy, AskOwner, AskEnd bool
}

// ID is the entry's on the page, and of its forms.
func (i reviewItem) ID() string { return itemID(i.Kind, i.Name, i.Index) }

func itemID(kind, name string, k int) string {
	return fmt.Sprintf("%s-%s-%d", part(kind), part(name), k)
}

// Line is the entry as the baseline's page has it.
func (i reviewItem) Line() entryLine { return entryLine{Entry: i.Entry, K: i.Index} }

// Closing says what comes of removing it.
func (i reviewItem) Closing() string {
	if i.Sight.Opens() {
		return "It is " + sightWord(i.Sight) + " now: without its entry it raises an alert until it is shut."
	}
	return "Its entry is removed. If the door opens again, that raises an alert."
}

func reviewItemOf(i portvigil.ReviewItem) reviewItem {
	item := reviewItem{ReviewItem: i}
	for _, reason := range i.Reasons {
		switch reason {
		case portvigil.ReviewUnexplained:
			item.AskWhy = true
		case portvigil.ReviewNoOwner:
			item.AskOwner = true
		case portvigil.ReviewExpired, portvigil.ReviewExpires:
			item.AskEnd = true
		}
	}
	return item
}

// easy reports whether keeping it needs nothing typed, and nothing speaks against it.
func (i reviewItem) easy() bool {
	return len(i.Reasons) == 1 && i.Reasons[0] == portvigil.ReviewNew && i.Sight.Opens()
}

func (p *pages) review(w http.ResponseWriter, r *http.Request) {
	p.showReview(w, r, http.StatusOK, form{})
}

func (p *pages) showReview(w http.ResponseWriter, r *http.Request, status int, f form) {
	agenda, err := p.engine.Agenda(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	past, err := p.engine.PastReviews(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	v := reviewPage{Agenda: agenda, Folder: p.engine.BaselineFolder(), Past: first(past, maxPast), Form: f}
	if agenda.Review != nil {
		newest := slices.Clone(agenda.Review.Decisions)
		slices.Reverse(newest)
		v.Decided = first(newest, maxDecided)
	}
	shownNow := 0
	for _, i := range agenda.Items {
		if i.Decision != nil {
			continue
		}
		if shownNow == maxReviewed {
			v.More++
			continue
		}
		shownNow++
		if n := len(v.Parts); n == 0 || v.Parts[n-1].subject != (subject{i.Kind, i.Name}) {
			v.Parts = append(v.Parts, reviewPart{subject: subject{i.Kind, i.Name}, Version: i.Version})
		}
		last := &v.Parts[len(v.Parts)-1]
		item := reviewItemOf(i)
		if item.easy() {
			last.Easy++
		}
		last.Items = append(last.Items, item)
	}
	p.show(w, r, status, "review.html", page{"Review", v})
}

// decideReview does one decision. Where the baseline follows a folder, the edit to
// make there is what is shown next.
func (p *pages) decideReview(w http.ResponseWriter, r *http.Request) {
	if !p.readForm(w, r) {
		return
	}
	q := decisionOf(r)
	v, err := p.engine.Decide(r.Context(), actor(r), q)
	if err != nil {
		status, f := p.described(r, err)
		f.Name = itemID(q.Kind, q.Name, q.Index)
		p.showReview(w, r, status, f)
		return
	}
	target := portvigil.Printable(cut(r.PostForm.Get("target")))
	if v.Edit != "" {
		d := draft{subject: subject{q.Kind, q.Name}, Base: v, Newest: v, Folder: p.engine.BaselineFolder(), Review: true}
		p.show(w, r, http.StatusOK, "change.html", page{"The edit to make", change{draft: d, Title: "The edit to make for " + target, Patch: v.Edit}})
		return
	}
	said := map[portvigil.ReviewVerdict]string{portvigil.ReviewKeep: "Kept: ", portvigil.ReviewClose: "Closed, and its entry is gone: "}[q.Verdict]
	p.doorkeeper.say(r, said+target+".")
	http.Redirect(w, r, "/review", http.StatusSeeOther)
}

func decisionOf(r *http.Request) portvigil.ReviewRequest {
	number := func(name string) int { return numberOr(r.PostForm.Get(name), -1) }
	text := func(name string) string {
		return strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get(name), "\r\n", "\n"))
	}
	return portvigil.ReviewRequest{Kind: r.PostForm.Get("of"), Name: r.PostForm.Get("name"), Version: number("version"), Index: number("index"),
		Verdict: portvigil.ReviewVerdict(r.PostForm.Get("verdict")), Why: text("why"), Owner: text("owner"), Expires: text("expires")}
}

// keepAll keeps the entries of one document that are new, explained and open, as
// they were shown.
func (p *pages) keepAll(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "keep", func() (done, error) {
		q := decisionOf(r)
		agenda, err := p.engine.Agenda(r.Context())
		if err != nil {
			return done{}, err
		}
		kept := 0
		for _, i := range agenda.Items {
			if i.Kind != q.Kind || i.Name != q.Name || i.Decision != nil || !reviewItemOf(i).easy() {
				continue
			}
			q.Index, q.Verdict = i.Index, portvigil.ReviewKeep
			if _, err := p.engine.Decide(r.Context(), actor(r), q); err != nil {
				return done{}, err
			}
			kept++
		}
		return done{said: "Kept: " + strconv.Itoa(kept) + ".", next: "/review"}, nil
	}, func(status int, f form) { p.showReview(w, r, status, f) })
}

func (p *pages) signReview(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "sign", func() (done, error) {
		s, err := p.engine.SignReview(r.Context(), actor(r), portvigil.ReviewSignature{Name: r.PostForm.Get("name"),
			Remark: strings.ReplaceAll(r.PostForm.Get("remark"), "\r\n", "\n"), Leave: r.PostForm.Get("leave") != ""})
		return done{said: "Signed. The next review lists what is new from now on.", next: "/review/" + part(s.ID)}, err
	}, func(status int, f form) { p.showReview(w, r, status, f) })
}

// pastReview shows a review that was signed.
func (p *pages) pastReview(w http.ResponseWriter, r *http.Request) {
	one, err := p.engine.Review(r.Context(), r.PathValue("id"))
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, "reviewed.html", page{"Review signed by " + shown(one.Name), reviewedPage{one,
		first(one.Decisions, maxDecided), first(one.Left, maxDecided), first(one.Documents, maxDocuments)}})
}

// reviewedPage is what /review/ID shows.
type reviewedPage struct {
	portvigil.Review
	Decided   some[portvigil.ReviewDecision]
	Undecided some[portvigil.ReviewedEntry]
	Read      some[portvigil.ReviewedDocument]
}

// PathOf is the page of a document.
func (reviewedPage) PathOf(kind, name string) string { return subject{kind, name}.Path() }

// PathOf is the page of a document.
func (reviewPage) PathOf(kind, name string) string { return subject{kind, name}.Path() }

// VersionsOf compares what a document was when the review began with what it is.
func (v reviewPage) VersionsOf(kind, name string) string {
	return subject{kind, name}.With("versions", "from", v.Review.Version(kind, name))
}
