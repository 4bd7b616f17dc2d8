package watch

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// Bounds of what somebody writes into a review, in bytes.
const (
	maxSignature = 200
	maxRemark    = 4000
)

// Agenda says what there is to review now, and how far the review is that is open. Who
// gets it does not change it.
func (e *Engine) Agenda(ctx context.Context) (portvigil.Agenda, error) {
	return e.agendas.ask(ctx, func() (a portvigil.Agenda, err error) {
		err = e.viewHosts(ctx, func(v snapshot) error {
			reviews, err := e.standing(v, v.since)
			if err != nil {
				return err
			}
			a, err = e.agenda(v, v.hosts, reviews)
			return err
		})
		return a, err
	})
}

// PastReviews sums up the reviews that were signed, the newest first.
func (e *Engine) PastReviews(ctx context.Context) (list []portvigil.ReviewSummary, err error) {
	since := e.summaries.begin()
	err = e.store.View(ctx, func(tx Tx) error {
		reviews, err := e.standing(tx, since)
		if err == nil {
			list = slices.Clone(reviews.past)
		}
		return err
	})
	return list, err
}

// Review returns a review that was signed.
func (e *Engine) Review(ctx context.Context, id string) (r portvigil.Review, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		if r, err = tx.Review(id); err == nil && r.Signed.IsZero() || portvigil.ErrorCode(err) == portvigil.CodeNotFound {
			return portvigil.Errorf(portvigil.CodeNotFound, "there is no such review").WithHint("see the list of those that were signed")
		}
		return err
	})
	return r, err
}

// Reviews returns the reviews that were signed, the newest first.
func (e *Engine) Reviews(ctx context.Context) (list []portvigil.Review, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		all, err := tx.Reviews()
		list = slices.DeleteFunc(all, func(r portvigil.Review) bool { return r.Signed.IsZero() })
		return err
	})
	return list, err
}

func (e *Engine) agenda(tx Tx, hosts []summed, reviews *standing) (a portvigil.Agenda, err error) {
	a = portvigil.Agenda{Review: reviews.open, Last: reviews.last, Items: []portvigil.ReviewItem{}, Meanwhile: []portvigil.BaselineVersion{}}
	docs, err := e.reviewed(tx, hosts, a.Last)
	if err != nil {
		return a, err
	}
	a.Items = append(a.Items, portvigil.ReviewItems(docs, a.Review, a.Last, e.now())...)
	for _, d := range docs {
		if a.Review == nil || a.Review.Version(d.Kind, d.Name) == d.Version {
			continue
		}
		beside, err := besideReview(tx, d.BaselineVersion, a.Review)
		if err != nil {
			return a, err
		}
		a.Meanwhile = append(a.Meanwhile, beside...)
	}
	return a, nil
}

// besideReview returns the versions of a document that somebody made after the
// review was begun and that no decision of it led to, without their text.
func besideReview(tx Tx, newest portvigil.BaselineVersion, r *portvigil.Review) (list []portvigil.BaselineVersion, err error) {
	versions, err := tx.BaselineVersions(newest.Kind, newest.Name)
	for _, v := range versions {
		own := slices.ContainsFunc(r.Decisions, func(d portvigil.ReviewDecision) bool {
			return d.Kind == v.Kind && d.Name == v.Name && d.Version == v.Version
		})
		if v.Version > r.Version(v.Kind, v.Name) && !own {
			v.Text = ""
			list = append(list, v)
		}
	}
	return list, err
}

// standing is how the reviews stand, read anew where one was written; since is what
// begin returned before the transaction began.
func (e *Engine) standing(tx Tx, since uint64) (*standing, error) {
	if kept := e.summaries.reviews(); kept != nil {
		return kept, nil
	}
	read, err := standingOf(tx)
	if err != nil {
		return nil, err
	}
	read.since = since
	e.summaries.keepReviews(read)
	return read, nil
}

// standingOf reads how the reviews stand: each is as large as the baseline.
func standingOf(tx Tx) (*standing, error) {
	s := &standing{}
	all, err := tx.Reviews()
	for _, r := range all { // a copy: those that are over are not held
		if r.Signed.IsZero() {
			s.open = &r
			continue
		}
		s.past = append(s.past, r.Summary())
		if s.last == nil {
			s.last = &r
		}
	}
	return s, err
}

// reviewed gathers the documents, each with how it was before.
func (e *Engine) reviewed(tx Tx, hosts []summed, last *portvigil.Review) ([]portvigil.Reviewed, error) {
	docs, err := e.documents(tx, hosts)
	if err != nil {
		return nil, err
	}
	list := make([]portvigil.Reviewed, len(docs))
	for i, d := range docs {
		list[i].DocumentStatus = d
		if list[i].Before, err = e.before(tx, d, last); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// before is a document as it was when a review was last signed, nil where there was
// none of it.
func (e *Engine) before(tx Tx, d portvigil.DocumentStatus, last *portvigil.Review) (*portvigil.Document, error) {
	if last == nil {
		return nil, nil
	}
	switch then := last.Version(d.Kind, d.Name); then {
	case 0:
		return nil, nil
	case d.Version:
		return &d.Document, nil
	default:
		versions, err := tx.BaselineVersions(d.Kind, d.Name)
		if err != nil || then > len(versions) {
			return nil, err
		}
		old, err := e.parsed.only(versions[then-1])
		return &old, err
	}
}

// Decide does what somebody decided about an entry in the review that is open, or
// begins one: keep fills in what is missing, close removes the entry, change notes
// that it was edited. Where the baseline follows a folder and the decision needs
// an edit, nothing is decided, and what is returned has the edit to make there.
func (e *Engine) Decide(ctx context.Context, by string, q portvigil.ReviewRequest) (v portvigil.BaselineVersion, err error) {
	q.Why, q.Owner, q.Expires = strings.TrimSpace(q.Why), strings.TrimSpace(q.Owner), strings.TrimSpace(q.Expires)
	err = e.store.Update(ctx, func(tx Tx) error { v, err = e.decide(tx, by, q); return err })
	return v, err
}

func (e *Engine) decide(tx Tx, by string, q portvigil.ReviewRequest) (portvigil.BaselineVersion, error) {
	v, err := current(tx, q.Kind, q.Name)
	if err != nil {
		return v, err
	}
	if v.Version != q.Version || v.Version == 0 {
		return v, outdated(v, q.Version)
	}
	d, err := portvigil.ReadDocument(v.Kind, v.Name, []byte(v.Text))
	if err != nil {
		return v, err
	}
	if q.Index < 0 || q.Index >= len(d.Entries) {
		return v, portvigil.Errorf(portvigil.CodeNotFound, "there is no such entry").WithHint("read the review again")
	}
	review, err := e.openReview(tx, by)
	if err != nil {
		return v, err
	}
	text, decided, err := e.editOf(q, v, d.Entries[q.Index])
	if err != nil {
		return v, err
	}
	after, err := e.writeDocument(tx, by, portvigil.BaselineVersion{Kind: v.Kind, Name: v.Name, Version: v.Version, Text: string(text),
		Why: "review: " + string(q.Verdict) + " " + decided.Target()})
	if err != nil || after.Edit != "" {
		return after, err
	}
	review.Decide(portvigil.ReviewDecision{Kind: v.Kind, Name: v.Name, Version: after.Version, Target: decided.Target(), Verdict: q.Verdict,
		Text: portvigil.FormatEntry(decided), By: by, Time: e.now()}, from(q, v))
	return after, tx.PutReview(review)
}

// from is the version that a decision was made on: an edit has made the next one
// just before it is noted.
func from(q portvigil.ReviewRequest, v portvigil.BaselineVersion) int {
	if q.Verdict == portvigil.ReviewChange {
		return v.Version - 1
	}
	return v.Version
}

// editOf returns the document as the decision leaves it, and the entry that was
// decided about.
func (e *Engine) editOf(q portvigil.ReviewRequest, v portvigil.BaselineVersion, entry portvigil.Entry) ([]byte, portvigil.Entry, error) {
	text := []byte(v.Text)
	switch q.Verdict {
	case portvigil.ReviewKeep:
		kept, err := q.Kept(entry, e.now())
		if err != nil || kept.Same(entry) {
			return text, entry, err
		}
		text, err = portvigil.ChangeEntry(text, v.Kind, v.Name, q.Index, kept)
		return text, kept, err
	case portvigil.ReviewClose:
		text, err := portvigil.DropEntry(text, v.Kind, v.Name, q.Index)
		return text, entry, err
	case portvigil.ReviewChange:
		return text, entry, nil
	}
	return nil, entry, portvigil.Errorf(portvigil.CodeInvalid, "%s is no decision", portvigil.Quoted(string(q.Verdict))).WithHint("keep, change or close")
}

// openReview returns the review that is open; a new one rests on the newest version
// of each document.
func (e *Engine) openReview(tx Tx, by string) (portvigil.Review, error) {
	reviews, err := standingOf(tx)
	if err != nil {
		return portvigil.Review{}, err
	}
	if reviews.open != nil {
		return *reviews.open, nil
	}
	r := portvigil.Review{ID: portvigil.NewID(), Begun: e.now(), By: by, Decisions: []portvigil.ReviewDecision{}}
	r.Documents, err = reviewedNow(tx)
	return r, err
}

func reviewedNow(tx Tx) ([]portvigil.ReviewedDocument, error) {
	list := []portvigil.ReviewedDocument{}
	versions, err := tx.Baselines()
	for _, v := range versions {
		list = append(list, portvigil.ReviewedDocument{Kind: v.Kind, Name: v.Name, Version: v.Version})
	}
	return list, err
}

// SignReview ends the review that is open, or one without decisions where there is
// nothing to decide. What is undecided is left only where the signature says so.
func (e *Engine) SignReview(ctx context.Context, by string, s portvigil.ReviewSignature) (r portvigil.Review, err error) {
	s.Name, s.Remark = strings.TrimSpace(s.Name), strings.TrimSpace(s.Remark)
	switch {
	case s.Name == "":
		return r, portvigil.Errorf(portvigil.CodeInvalid, "the review is signed with a name").WithHint("write yours")
	case len(s.Name) > maxSignature || len(s.Remark) > maxRemark:
		return r, portvigil.Errorf(portvigil.CodeInvalid, "the name or the remark is too long").
			WithHint("a name takes %d characters, a remark %d", maxSignature, maxRemark)
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		hosts, _, err := e.sumUp(tx, 0) // as this transaction sees them; nothing of it is kept
		if err != nil {
			return err
		}
		reviews, err := standingOf(tx)
		if err != nil {
			return err
		}
		a, err := e.agenda(tx, hosts, reviews)
		if err != nil {
			return err
		}
		if n := a.Open(); n > 0 && !s.Leave {
			return portvigil.Errorf(portvigil.CodeConflict, "entries are undecided: %d", n).
				WithHint("decide about them, or sign and leave them for the next review")
		}
		if r, err = e.openReview(tx, by); err != nil {
			return err
		}
		if r.Documents, err = reviewedNow(tx); err != nil {
			return err
		}
		r.Left = left(a.Items)
		r.Signed, r.SignedBy, r.Name, r.Remark = after(e.now(), a.Last), by, s.Name, s.Remark
		if err := tx.PutReview(r); err != nil {
			return err
		}
		return e.act(tx, by, portvigil.ActReviewSigned, "review", r.ID, "as "+r.Name)
	})
	return r, err
}

func left(items []portvigil.ReviewItem) (list []portvigil.ReviewedEntry) {
	for _, i := range items {
		if i.Decision == nil {
			list = append(list, portvigil.ReviewedEntry{Kind: i.Kind, Name: i.Name, Target: i.Entry.Target(), Text: portvigil.FormatEntry(i.Entry)})
		}
	}
	return list
}

// after is now, or just after the last review where the clock was put back: the
// newest review has to be the one that was signed last.
func after(now time.Time, last *portvigil.Review) time.Time {
	if last != nil && !now.After(last.Signed) {
		return last.Signed.Add(time.Microsecond)
	}
	return now
}
