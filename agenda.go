package portvigil

import "time"

// ReviewSpan is how far a monthly review looks: an entry that ends within it, or
// that nothing was behind for as long, is looked at. A month has at most 31 days.
const ReviewSpan = 31 * 24 * time.Hour

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
	DocumentStatus
	// Before is the document as it was when a review was last signed; nil for never.
	Before *Document
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
		untold := item.Sight == SightUnverified || item.Sight == SightUnknown && e.Proto == UDP
		if !blind && !untold && !item.Sight.Opens() && now.Sub(item.LastOpen) > ReviewSpan {
			item.Reasons = append(item.Reasons, ReviewNotOpen)
		}
		text := ""
		if len(decided)+len(left) > 0 {
			text = FormatEntry(e)
		}
		if !before[e.spot()] || left[text] {
			item.Reasons = append(item.Reasons, ReviewNew)
		}
		item.Decision = decided[text]
		if len(item.Reasons) > 0 {
			items = append(items, item)
		}
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
	for i := range r.Decisions {
		d := &r.Decisions[i]
		if d.Verdict == ReviewClose {
			continue
		}
		of := whose{d.Kind, d.Name}
		if all[of] == nil {
			all[of] = map[string]*ReviewDecision{}
		}
		all[of][d.Text] = d
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
