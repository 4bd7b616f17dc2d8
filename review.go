package portvigil

import (
	"slices"
	"time"
)

// ReviewSpan is how far a monthly review looks: an entry that ends within it, or
// that nothing was behind for as long, is looked at. A month has at most 31 days.
const ReviewSpan = 31 * 24 * time.Hour

// Review is one run through the baseline: who decided what about which entry, and
// who signed for it. There is at most one that is not signed yet; it can be left,
// and goes on where it was.
type Review struct {
	ID    string    `json:"id"`
	Begun time.Time `json:"begun"`
	By    string    `json:"by"` // who made the first decision
	// Documents are the versions that the decisions rest on: those when it was begun,
	// and after each decision what that led to. When it is signed, the newest.
	Documents []ReviewedDocument `json:"documents"`
	Decisions []ReviewDecision   `json:"decisions"` // in the order in which they were made
	Signed    time.Time          `json:"signed,omitzero"`
	SignedBy  string             `json:"signed_by,omitempty"` // the account or link that signed
	Name      string             `json:"name,omitempty"`      // as written under it
	Remark    string             `json:"remark,omitempty"`
	Left      []ReviewedEntry    `json:"left,omitempty"` // what was left undecided
}

// ReviewedEntry is an entry as it was written when a review was about it.
type ReviewedEntry struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Target string `json:"target"` // 443/tcp
	Text   string `json:"text"`
}

// ReviewedDocument is a version of a document that a review was about.
type ReviewedDocument struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	Version int    `json:"version"`
}

// ReviewVerdict is what was decided about an entry.
type ReviewVerdict string

// What can be decided.
const (
	ReviewKeep   ReviewVerdict = "keep"   // it should be open, and it is said why
	ReviewChange ReviewVerdict = "change" // it was edited
	ReviewClose  ReviewVerdict = "close"  // it was removed: the door has to be shut
)

// ReviewDecision is one decision about one entry.
type ReviewDecision struct {
	Kind    string        `json:"kind"`
	Name    string        `json:"name"`
	Version int           `json:"version"` // of the document, after the decision
	Target  string        `json:"target"`  // 443/tcp
	Verdict ReviewVerdict `json:"verdict"`
	// Text is the entry as it is written; of one that was closed, as it was.
	Text string    `json:"text"`
	By   string    `json:"by"`
	Time time.Time `json:"time"`
}

// ReviewReason is why an entry has to be looked at.
type ReviewReason string

// The reasons, the more pressing first.
const (
	ReviewUnexplained ReviewReason = "unexplained"
	ReviewNoOwner     ReviewReason = "no-owner"
	ReviewExpired     ReviewReason = "expired"
	ReviewExpires     ReviewReason = "expires-soon"
	ReviewNotOpen     ReviewReason = "not-open"
	ReviewNew         ReviewReason = "new"
)

// Sentence says the reason in a few words.
func (r ReviewReason) Sentence() string {
	switch r {
	case ReviewUnexplained:
		return "not explained"
	case ReviewNoOwner:
		return "no owner"
	case ReviewExpired:
		return "expired"
	case ReviewExpires:
		return "expires soon"
	case ReviewNotOpen:
		return "not seen open for a month"
	case ReviewNew:
		return "new since the last review"
	}
	return string(r)
}

// ReviewItem is an entry that somebody has to decide about.
type ReviewItem struct {
	Kind    string         `json:"kind"`
	Name    string         `json:"name"`
	Version int            `json:"version"` // the newest of its document, where it is number Index
	Index   int            `json:"index"`   // from 0
	Entry   Entry          `json:"entry"`
	Reasons []ReviewReason `json:"reasons"`
	// Sight is what the views say now, LastOpen when it was last seen open.
	Sight    EntrySight `json:"sight,omitempty"`
	LastOpen time.Time  `json:"last_open,omitzero"`
	// Decision is what was decided in the review that is open; nil for nothing yet.
	Decision *ReviewDecision `json:"decision,omitempty"`
}

// Agenda is what there is to review now.
type Agenda struct {
	Review *Review      `json:"review"` // the one that is open; nil where none was begun
	Last   *Review      `json:"last"`   // the one that was signed last; nil for none
	Items  []ReviewItem `json:"items"`  // by document, as baselines are listed
	// Meanwhile are newest versions, without their text, that somebody made beside
	// the review after it was begun.
	Meanwhile []BaselineVersion `json:"meanwhile"`
}

// Open counts the items that nobody has decided about.
func (a Agenda) Open() (n int) {
	for _, i := range a.Items {
		if i.Decision == nil {
			n++
		}
	}
	return n
}

// Reviewed is a document as a review takes it.
type Reviewed struct {
	BaselineVersion
	Document Document
	// Before is the document as it was when a review was last signed; nil for never.
	Before *Document
	Hosts  []ReviewedHost // those that it holds for
}

// ReviewedHost is what was seen of a host.
type ReviewedHost struct {
	Doors    []DoorSight // in the order of DoorSights
	LastOpen []LastOpen  // by protocol and port
	// Blind tells that no view has looked at it completely, so that nothing follows
	// from what was not seen.
	Blind bool
}

// ReviewItems returns what of the documents has to be looked at, in their order, and
// what was decided about it in r, nil for no review that is open. What was kept from
// an older review stays kept until its text is another; what the last one left
// undecided comes up again.
func ReviewItems(docs []Reviewed, r, last *Review, now time.Time) (items []ReviewItem) {
	decided, left := r.decided(), last.left()
	most := 0
	for _, d := range docs {
		most += len(d.Document.Entries)
	}
	items = make([]ReviewItem, 0, most)
	for _, d := range docs {
		items = append(items, d.items(decided[d.whose()], left[d.whose()], now)...)
	}
	return items
}

// whose says of whom a document is.
type whose struct{ kind, name string }

func (d Reviewed) whose() whose { return whose{d.Kind, d.Name} }

// items are the document's; decided and left are about it, by an entry's text.
func (d Reviewed) items(decided map[string]*ReviewDecision, left map[string]bool, now time.Time) (items []ReviewItem) {
	before := d.before()
	for k, e := range d.Document.Entries {
		item := ReviewItem{Kind: d.Kind, Name: d.Name, Version: d.Version, Index: k, Entry: e}
		blind := len(d.Hosts) == 0
		for _, h := range d.Hosts {
			item.Sight = item.Sight.Surer(SightOf(e, h.Doors))
			if last := LastOpenOf(e, h.LastOpen); last.After(item.LastOpen) {
				item.LastOpen = last
			}
			blind = blind || h.Blind
		}
		item.Reasons = e.reviewReasons(now)
		if !blind && !item.Sight.Opens() && item.Sight != SightUnverified && now.Sub(item.LastOpen) > ReviewSpan {
			item.Reasons = append(item.Reasons, ReviewNotOpen)
		}
		if !before[e.spot()] || len(left) > 0 && left[FormatEntry(e)] {
			item.Reasons = append(item.Reasons, ReviewNew)
		}
		if len(item.Reasons) == 0 {
			continue
		}
		if len(decided) > 0 {
			item.Decision = decided[FormatEntry(e)]
		}
		items = append(items, item)
	}
	return items
}

// before has the spots that somebody has decided about in a review that was signed.
func (d Reviewed) before() map[spot]bool {
	if d.Before == nil {
		return nil
	}
	spots := make(map[spot]bool, len(d.Before.Entries))
	for _, e := range d.Before.Entries {
		spots[e.spot()] = true
	}
	return spots
}

// decided is the newest decision about each entry as it was written then, but for
// those that were closed.
func (r *Review) decided() map[whose]map[string]*ReviewDecision {
	if r == nil {
		return nil
	}
	all := map[whose]map[string]*ReviewDecision{}
	for _, d := range r.Decisions {
		if d.Verdict == ReviewClose {
			continue
		}
		of := whose{d.Kind, d.Name}
		if all[of] == nil {
			all[of] = map[string]*ReviewDecision{}
		}
		all[of][d.Text] = &d
	}
	return all
}

// left has the texts of the entries that were left undecided.
func (r *Review) left() map[whose]map[string]bool {
	if r == nil {
		return nil
	}
	all := map[whose]map[string]bool{}
	for _, e := range r.Left {
		of := whose{e.Kind, e.Name}
		if all[of] == nil {
			all[of] = map[string]bool{}
		}
		all[of][e.Text] = true
	}
	return all
}

// reviewReasons returns what an entry itself gives reason for.
func (e Entry) reviewReasons(now time.Time) (list []ReviewReason) {
	if e.Unexplained() {
		list = append(list, ReviewUnexplained)
	}
	if e.Owner == "" {
		list = append(list, ReviewNoOwner)
	}
	switch {
	case e.Expired(now):
		list = append(list, ReviewExpired)
	case e.ExpiresWithin(now, ReviewSpan):
		list = append(list, ReviewExpires)
	}
	return list
}

// ExpiresWithin reports whether the last day of the entry is over within the span,
// and is not yet.
func (e Entry) ExpiresWithin(now time.Time, span time.Duration) bool {
	return !e.Expires.IsZero() && !e.Expired(now) && e.Expires.End().Sub(now) <= span
}

// Decide notes a decision, and that its document is at the decision's version. Where
// somebody else had made a version beside the review, that stays to be told.
func (r *Review) Decide(d ReviewDecision, from int) {
	r.Decisions = append(r.Decisions, d)
	i := slices.IndexFunc(r.Documents, func(o ReviewedDocument) bool { return o.Kind == d.Kind && o.Name == d.Name })
	switch {
	case i < 0:
		r.Documents = append(r.Documents, ReviewedDocument{d.Kind, d.Name, d.Version})
	case r.Documents[i].Version == from:
		r.Documents[i].Version = d.Version
	}
}

// Version is that of a document which the review rests on, 0 for none.
func (r *Review) Version(kind, name string) int {
	for _, d := range r.Documents {
		if d.Kind == kind && d.Name == name {
			return d.Version
		}
	}
	return 0
}

// ReviewRequest is a decision as somebody asks for it, about entry number Index of
// the version that they looked at.
type ReviewRequest struct {
	Kind    string        `json:"kind"` // "host" or "group"
	Name    string        `json:"name"`
	Version int           `json:"version"`
	Index   int           `json:"index"`
	Verdict ReviewVerdict `json:"verdict"`
	// Of keep: what is filled in. "" leaves what is written; "never" as expires takes
	// the end away.
	Why     string `json:"why,omitempty"`
	Owner   string `json:"owner,omitempty"`
	Expires string `json:"expires,omitempty"`
}

// Kept returns the entry as keep leaves it. It has to say why it is open and who
// answers for it, and must not be over.
func (q ReviewRequest) Kept(e Entry, now time.Time) (Entry, error) {
	if q.Why != "" {
		e.Why = q.Why
	}
	if q.Owner != "" {
		e.Owner = q.Owner
	}
	switch q.Expires {
	case "":
	case "never":
		e.Expires = Date{}
	default:
		d, err := ParseDate(q.Expires)
		if err != nil {
			return e, err
		}
		e.Expires = d
	}
	switch {
	case e.Why == "" || e.Owner == "":
		return e, Errorf(CodeInvalid, "what is kept needs a reason and an owner").WithHint("say why it is open, and who answers for it")
	case e.Expired(now):
		return e, Errorf(CodeInvalid, "it ended on %s", e.Expires).WithHint("give it a day to come, or never")
	}
	return e, nil
}

// ReviewSignature is what is written under a review.
type ReviewSignature struct {
	Name   string `json:"name"`
	Remark string `json:"remark,omitempty"`
	// Leave signs although entries are undecided; they come up again.
	Leave bool `json:"leave,omitempty"`
}
