package portvigil

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// AlertFilter picks alerts for a list. The zero value picks all of them, the
// newest change first; each field that is set leaves fewer.
type AlertFilter struct {
	// Attention leaves those that somebody still has to look at: the open ones, and
	// those that ended by themselves and are to be noted.
	Attention  bool         `json:"attention,omitempty"`
	States     []AlertState `json:"states,omitempty"`     // any of these
	Severities []Severity   `json:"severities,omitempty"` // any of these
	Kinds      []Kind       `json:"kinds,omitempty"`      // any of these
	Families   []Family     `json:"families,omitempty"`   // any of these
	Hosts      []string     `json:"hosts,omitempty"`      // any of these
	Group      string       `json:"group,omitempty"`      // of hosts, as they are now
	// Text leaves those that have each of its words somewhere (Alert.Words).
	Text         string    `json:"text,omitempty"`
	OpenedSince  time.Time `json:"opened_since,omitzero"`
	ChangedSince time.Time `json:"changed_since,omitzero"`

	Order  AlertOrder `json:"order,omitempty"`
	Limit  int        `json:"limit,omitempty"` // 0: all
	Offset int        `json:"offset,omitempty"`
}

// AlertOrder is what comes first in a list of alerts.
type AlertOrder string

// The orders. Alerts that are alike in them are in the order of their last change,
// the newest first.
const (
	ByChanged  AlertOrder = "" // the newest change first
	ByOpened   AlertOrder = "opened"
	BySeverity AlertOrder = "severity" // the worst first
)

// ParseAlertOrder reads an order as people write it.
func ParseAlertOrder(text string) (AlertOrder, error) {
	switch o := AlertOrder(text); o {
	case ByChanged, ByOpened, BySeverity:
		return o, nil
	case "changed":
		return ByChanged, nil
	}
	return "", Errorf(CodeInvalid, "alerts cannot be ordered by %s", Quoted(text)).WithHint("order them by changed, opened or severity")
}

// AlertCount is how many alerts are alike.
type AlertCount struct {
	State    AlertState `json:"state"`
	Severity Severity   `json:"severity"`
	// Attention tells that somebody still has to look at them.
	Attention bool `json:"attention"`
	Count     int  `json:"count"`
}

// longestWords bounds what of an alert can be searched: what a host sends is as
// long as it likes.
const longestWords = 4 << 10

// Attention reports whether somebody still has to look at the alert.
func (a *Alert) Attention() bool { return a.Open() || a.ToBeNoted() }

// Words is what people search an alert by, in small letters: its text, what it is
// about, its door, and what answers or listens there.
func (a *Alert) Words() string {
	parts := []string{a.Text, a.Host, a.Subject.Name, a.Kind.Info().Title}
	if a.Port != 0 {
		parts = append(parts, Door{a.Proto, a.Port}.String())
	}
	if s := a.Service; s != nil {
		parts = append(parts, s.Name, s.Product, s.Version)
	}
	if p := a.Process; p != nil {
		parts = append(parts, p.Exe, p.User)
	}
	for i := range parts {
		if len(parts[i]) > longestWords/len(parts) {
			parts[i] = parts[i][:longestWords/len(parts)]
		}
	}
	return searched(strings.Join(parts, " "))
}

// searched is text as it is compared: a database takes it, and letters of either
// size are the same.
func searched(text string) string { return strings.ToLower(Printable(text)) }

// Words are what each alert of the list has to have among its own.
func (f AlertFilter) Words() []string { return strings.Fields(searched(f.Text)) }

// Matches reports whether the alert is picked. Group, which is about hosts, is not
// asked.
func (f AlertFilter) Matches(a *Alert) bool {
	words := a.Words()
	return (!f.Attention || a.Attention()) &&
		anyOf(f.States, a.State) && anyOf(f.Severities, a.Severity) && anyOf(f.Kinds, a.Kind) && anyOf(f.Families, a.Family) && anyOf(f.Hosts, a.Host) &&
		(f.OpenedSince.IsZero() || !a.Opened.Before(f.OpenedSince)) && (f.ChangedSince.IsZero() || !a.Changed.Before(f.ChangedSince)) &&
		!slices.ContainsFunc(f.Words(), func(w string) bool { return !strings.Contains(words, w) })
}

func anyOf[T comparable](wanted []T, v T) bool { return len(wanted) == 0 || slices.Contains(wanted, v) }

// Page picks from all alerts what the filter asks for, in its order, and says how
// many there are without Limit and Offset. A database does the same by itself.
func (f AlertFilter) Page(all []Alert) (page []Alert, total int) {
	for _, a := range all {
		if f.Matches(&a) {
			page = append(page, a)
		}
	}
	slices.SortFunc(page, f.compare)
	return paged(page, f.Limit, f.Offset), len(page)
}

func (f AlertFilter) compare(a, b Alert) int {
	first := 0
	switch f.Order {
	case ByOpened:
		first = b.Opened.Compare(a.Opened)
	case BySeverity:
		first = cmp.Compare(b.Severity.Rank(), a.Severity.Rank())
	}
	return cmp.Or(first, b.Changed.Compare(a.Changed), cmp.Compare(b.ID, a.ID))
}

// paged is a part of a list; a limit of 0 is none.
func paged[T any](list []T, limit, offset int) []T {
	list = list[min(max(offset, 0), len(list)):]
	if limit > 0 {
		list = list[:min(limit, len(list))]
	}
	return list
}
