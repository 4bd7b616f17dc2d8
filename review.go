package portvigil

import (
	"slices"
	"time"
)

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

// ReviewSummary is what lists say of a review: counts instead of what was decided.
type ReviewSummary struct {
	ID        string
	Signed    time.Time
	Name      string
	Remark    string
	Decisions int
	Left      int
}

// Summary sums the review up.
func (r *Review) Summary() ReviewSummary {
	return ReviewSummary{r.ID, r.Signed, r.Name, r.Remark, len(r.Decisions), len(r.Left)}
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
