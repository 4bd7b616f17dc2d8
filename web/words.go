package web

import (
	"errors"
	"fmt"
	"html/template"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/portvigil/portvigil"
)

// words are the functions of the templates.
var words = template.FuncMap{
	"shown":    shown,
	"part":     part,
	"word":     word,
	"split":    func(command string) []string { return strings.Split(command, " ") },
	"exact":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"instant":  func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"clock":    clock,
	"sections": sections,
	"settings": settingsPages,
	"size":     size,
	"lasted":   span,
	"count":    count,
	"add":      func(a, b int) int { return a + b },
	"dict":     dict,
	"state":    stateWord,
	"blind":    blind,
	"verdict":  verdictWord,
	"ago":      ago,
	"due":      due,
	"place":    place,
	"scope":    func(s string) string { return scopeWords(portvigil.Scope(s)) },
	"info":     func(k portvigil.Kind) portvigil.KindInfo { return k.Info() },
	"behind":   func(s *portvigil.Service) string { return shown(s.Label()) },
	"begun":    begun,
	"stands":   stands,
	"lines":    lines,
	"banner":   func(b []byte) string { return lines(string(b)) },
	"who":      who,
	"deed":     deed,
	"outcome":  outcome,
	"decided":  decided,
	"again":    again,
	"seen":     stateSeen,
	"note":     note,
	"covered":  covered,
	"ended":    func(a portvigil.Alert, now time.Time) string { return ended(&a, now) },
	"choices":  func(a portvigil.Alert) choices { return choicesOf(&a) },
	"steps":    steps,
	"differ":   differ,
	"sight":    sightWord,
	"plural":   plural,
	"patch":    patchLines,
	"percent":  percent,
}

// maxShown is how many bytes of one text a page shows: banners are at most
// 2 KiB, and no reader needs more of one to know it.
const maxShown = 1000

// shown makes any text fit for a page, which html/template escapes after it:
// control and direction characters would still change what a reader sees, and
// a very long text would bury the rest.
func shown(text any) string {
	var s string
	switch text := text.(type) {
	case string:
		s = text
	case *string: // what may be unknown, and is not here
		s = *text
	case []byte:
		s = string(text)
	default:
		s = fmt.Sprint(text)
	}
	if short := cut(s); len(short) < len(s) {
		return portvigil.Printable(short) + "…"
	}
	return portvigil.Printable(s)
}

// maxLines bounds a text that is shown line by line.
const maxLines = 400

// lines makes a text of several lines fit for a page, each as shown does.
func lines(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > maxLines || b.Len() > 64*maxShown {
			b.WriteString("…")
			break
		}
		b.WriteString(shown(strings.TrimRight(line, "\r\n")) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// cut returns the beginning of a text that is too long, up to a character's end.
func cut(s string) string {
	if len(s) <= maxShown {
		return s
	}
	end := maxShown
	for end > maxShown-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}

// part makes any text one part of a path.
func part(text string) string { return url.PathEscape(cut(text)) }

// differ says in which way a door differs from its entry.
func differ(list []portvigil.Difference) string {
	short := slices.Clone(list)
	for i := range short {
		short[i].Want, short[i].Got = cut(short[i].Want), cut(short[i].Got)
	}
	return shown(portvigil.DifferencesText(short))
}

// word is a name as a command takes it. Hosts, channels and ids are made of
// what a shell reads as it stands; anything else must not get into a line that
// people copy.
func word(name, otherwise string) string {
	if len(name) > maxShown || portvigil.CheckHostName(name) != nil {
		return otherwise
	}
	return name
}

// verdictWord is a verdict as a sentence has it: its own word, with what it means
// where the word alone does not say so.
func verdictWord(v portvigil.Verdict) string {
	switch v {
	case portvigil.Hidden:
		return "hidden from the host itself"
	case portvigil.UnexpectedExposed:
		return "unexpected, open to the outside"
	case portvigil.UnexpectedListening:
		return "unexpected, listening"
	case portvigil.Unverified:
		return "expected, not verified"
	case portvigil.Gap:
		return "let through, nothing listens"
	}
	return shown(v)
}

// begun writes a sentence's first letter large: the table of kinds has clauses.
func begun(clause string) string {
	r, size := utf8.DecodeRuneInString(clause)
	return string(unicode.ToUpper(r)) + clause[size:]
}

// stands says where an alert stands in its life, and what it waits for.
func stands(a portvigil.Alert) string {
	switch a.State {
	case portvigil.AlertNew:
		return "new: nobody has taken it yet"
	case portvigil.AlertAcknowledged:
		if a.Memory.AckUntil != nil {
			return "acknowledged until " + clock(*a.Memory.AckUntil) + ", still open"
		}
		return "acknowledged, still open"
	case portvigil.AlertInvestigating:
		return "investigating: somebody works on it"
	case portvigil.AlertWaitingShut:
		return "said to be shut: it ends when a complete look sees the door so"
	case portvigil.AlertWaitingBaseline:
		return "waiting for the baseline: it ends when the baseline has the door"
	}
	return string(a.State)
}

// clock is a moment as people write it.
func clock(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }

// ago says how long before now something was.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < -time.Minute:
		return "in " + span(-d)
	case d < time.Minute:
		return "just now"
	}
	return span(d) + " ago"
}

// due says when something is to come.
func due(t, now time.Time) string {
	if d := t.Sub(now); d >= time.Minute {
		return "in " + span(d)
	}
	return "now"
}

func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return plural(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return plural(int(d/time.Hour), "hour")
	}
	return plural(int(d/(24*time.Hour)), "day")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// blind reports whether a view cannot be relied on, or there is none.
func blind(views []portvigil.ViewStatus) bool {
	return len(views) == 0 || slices.ContainsFunc(views, func(v portvigil.ViewStatus) bool { return !v.Fresh })
}

// dict gives a template several things by their names.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("a name without a value")
	}
	d := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("%v is no name", pairs[i])
		}
		d[name] = pairs[i+1]
	}
	return d, nil
}

// stateWord is a state of an alert in a list.
func stateWord(s portvigil.AlertState) string {
	switch s {
	case portvigil.AlertWaitingShut:
		return "said to be shut"
	case portvigil.AlertWaitingBaseline:
		return "waiting for the baseline"
	}
	return shown(s)
}

// outcome is how an alert ended, in a word or two.
func outcome(k portvigil.ResolutionKind) string {
	switch k {
	case portvigil.ResolvedFalse:
		return "false alarm"
	case portvigil.ResolvedCleared:
		return "over"
	}
	return shown(k)
}

// decided is what became of an entry in a review.
func decided(v portvigil.ReviewVerdict) string {
	switch v {
	case portvigil.ReviewKeep:
		return "kept"
	case portvigil.ReviewChange:
		return "changed"
	case portvigil.ReviewClose:
		return "closed"
	}
	return shown(v)
}

// again says how often an alert came back.
func again(times int) string {
	if times == 1 {
		return "opened again"
	}
	return fmt.Sprintf("opened again %d times", times)
}

// stateSeen is the state of a door as a view saw it.
func stateSeen(state string) string {
	switch state {
	case string(portvigil.StateFiltered):
		return "no answer (filtered)"
	case string(portvigil.StateOpenFiltered):
		return "no answer (open or filtered)"
	case portvigil.NotListening:
		return "not listening"
	}
	return shown(state)
}

// scopeWords says how far an entry lets its door be reached.
func scopeWords(s portvigil.Scope) string {
	switch s {
	case portvigil.ScopeLoopback:
		return "this machine only"
	case portvigil.ScopePrivate:
		return "private networks at most"
	case portvigil.ScopePublic:
		return "public addresses at most"
	case portvigil.ScopeAny:
		return "on any address"
	}
	return shown(s)
}

// note is what a look notes, as a sentence: its code is for programs, and stays
// only where what follows does not say as much.
func note(text string) string {
	lead := map[string]string{
		"dead-path":          "No way to the host",
		"no-answer":          "Nothing answered",
		"rate-limited":       "Slowed down",
		"lossy":              "Not sure enough",
		"icmp-limited":       "Most of it was silent",
		"answers-everywhere": "Every port seems open",
		"answered-in-front":  "Somebody else answers",
		"syn-proxy":          "A proxy opens the doors",
		"tarpit":             "Doors that hold callers up",
		"late":               "Slow answers",
		"duplicates":         "Answers came twice",
		"forged-answers":     "Somebody pretends to be the host",
		"unconfirmed":        "Not believed",
		"not-probed":         "It ended early",
		"own-address":        "Not from outside",
		"begun-again":        "Begun again",
	}[portvigil.NoteCode(text)]
	if _, rest, told := strings.Cut(text, ": "); told && lead != "" {
		return lead + ": " + shown(rest)
	}
	return begun(shown(text))
}

// longestCovered is how long a list of ports may be until their number says more.
const longestCovered = 60

// covered is what looks covered: ports, or parts of the machine.
func covered(text string) string {
	if set, err := portvigil.ParsePortSet(text); err == nil && len(text) > longestCovered {
		return plural(set.Len(), "port")
	}
	return shown(text)
}

// size is a number of bytes as people read it.
func size(bytes int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if bytes >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(bytes)/float64(unit.bytes), unit.name)
		}
	}
	return plural(int(bytes), "byte")
}

func place(a netip.Addr) string {
	if !a.IsValid() {
		return "every address"
	}
	return shown(a)
}
