package web

import (
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

func TestThePastIsShownAsFarAsItIsKnown(t *testing.T) {
	t.Parallel()
	past := portvigil.Past{Views: []portvigil.PastView{{View: portvigil.Inside, Covered: "sockets", Known: true, Since: noon, Last: noon}, {View: portvigil.Outside, Vantage: "office", Covered: "1-65535", Since: noon, Last: noon}},
		Doors: []portvigil.PastDoor{{View: portvigil.Inside, Entrance: portvigil.Entrance{Proto: portvigil.TCP, Port: 80}, State: portvigil.PastOpen, Why: "seen open at noon", First: portvigil.Mark{Look: "L1"}},
			{View: portvigil.Outside, Vantage: "office", Entrance: portvigil.Entrance{Proto: portvigil.TCP, Port: 81}, State: portvigil.PastUnknown, Why: "nobody looked"}}}
	for _, c := range []struct {
		query, asked string
		err          error
		code         int
		says         string
	}{
		{"", `host "web1"`, nil, 200, "Time, UTC"},
		{"?date=2026-11-20&time=08:30", `host "web1" at 2026-11-20T08:30:00Z`, nil, 200, "1 door open, 1 perhaps On web1 at 20 November 2026, 08:30 UTC"},
		{"?date=2026-11-20&time=08:30:15", `host "web1" at 2026-11-20T08:30:15Z`, nil, 200, "office: no look was fresh then"},
		{"?date=2026-11-20", `host "web1" at 2026-11-20T12:00:00Z`, nil, 200, "Seen open at noon. Looks L1"},
		{"?date=20.11.2026&time=8", "", nil, 400, "That is no date and time"},
		{"?date=2026-12-20", `host "web1" at 2026-12-20T12:00:00Z`, portvigil.Errorf(portvigil.CodeInvalid, "2026-12-20T12:00:00Z is still to come"), 400, "is still to come."},
		{"", `host "web1"`, portvigil.Errorf(portvigil.CodeNotFound, "there is no host web1"), 404, "There is no host web1"},
	} {
		e := edited(func(e *fakeEngine) { e.past, e.err = past, c.err })
		s := newSite(base, e)
		before := len(e.asked())
		w := s.get(t, "/hosts/web1/past"+c.query)
		text := seen(t, w)
		if asked := e.asked()[before:]; c.asked != "" && (len(asked) != 1 || asked[0] != c.asked) {
			t.Errorf("%q: asked was %q", c.query, asked)
		}
		if w.Code != c.code || !strings.Contains(strings.ReplaceAll(text, " :", ":"), c.says) {
			t.Errorf("%q: answered %d: %s", c.query, w.Code, text)
		}
	}
}
