package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestStepsAreTheCommandsThatTheAlertTakes(t *testing.T) {
	t.Parallel()
	door := func(port uint16, edit func(*portvigil.AlertEndpoint)) portvigil.AlertEndpoint {
		e := portvigil.AlertEndpoint{Proto: portvigil.TCP, Port: port}
		if edit != nil {
			edit(&e)
		}
		return e
	}
	var many []portvigil.AlertEndpoint
	for port := range uint16(maxNamed + 1) {
		many = append(many, door(port+1, nil))
	}
	for _, c := range []struct {
		name string
		edit func(*portvigil.Alert)
		want []string
	}{
		{"an unexpected door can be expected, shut, accepted or false", func(*portvigil.Alert) {}, []string{
			`portvigil alerts resolve A1 --expected --why "…" --owner NAME`, "portvigil alerts resolve A1 --shut",
			`portvigil alerts resolve A1 --accept-until DATE --why "…" --owner NAME`, `portvigil alerts resolve A1 --false --why "…"`,
			"portvigil alerts ack A1"}},
		{"what was acknowledged is not acknowledged again", func(a *portvigil.Alert) {
			a.Kind, a.State = portvigil.HostUnreachable, portvigil.AlertAcknowledged
		}, []string{"portvigil hosts look web1 --outside"}},
		{"a hidden door is never expected nor accepted", func(a *portvigil.Alert) { a.Kind = portvigil.Kind(portvigil.Hidden) },
			[]string{"ssh web1 portvigil check --json | portvigil hosts report web1 -", "portvigil alerts resolve A1 --shut", "portvigil alerts ack A1"}},
		{"a missing door is started, or leaves the baseline", func(a *portvigil.Alert) { a.Kind = portvigil.Kind(portvigil.Missing) },
			[]string{"portvigil hosts look web1", "portvigil baseline remove web1 9100/tcp", "portvigil alerts ack A1"}},
		{"doors to explain are named once each, the explained ones not", func(a *portvigil.Alert) {
			a.Kind = portvigil.DoorsToExplain
			a.Endpoints = []portvigil.AlertEndpoint{door(22, nil), door(22, nil), door(80, nil),
				door(25, func(e *portvigil.AlertEndpoint) { e.Explained = true })}
		}, []string{`portvigil baseline approve web1 22/tcp 80/tcp --why "…" --owner NAME`, "portvigil hosts look web1", "portvigil alerts ack A1"}},
		{"too many are not named", func(a *portvigil.Alert) { a.Kind, a.Endpoints = portvigil.DoorsToExplain, many },
			[]string{`portvigil baseline approve web1 PORT/PROTO… --why "…" --owner NAME`, "portvigil hosts look web1", "portvigil alerts ack A1"}},
		{"a silent agent is reported for", func(a *portvigil.Alert) { a.Kind = portvigil.AgentSilent },
			[]string{"ssh web1 portvigil check --json | portvigil hosts report web1 -", "portvigil alerts ack A1"}},
		{"a failing channel is tested", func(a *portvigil.Alert) {
			a.Kind, a.Subject, a.Host = portvigil.ChannelFailing, portvigil.Subject{Kind: "channel", Name: "ops"}, ""
		}, []string{"portvigil channels test ops", "portvigil alerts ack A1"}},
		{"a vantage has no command", func(a *portvigil.Alert) { a.Kind = portvigil.VantageBlind }, []string{"portvigil alerts ack A1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := sampleAlert()
			a.ID = "A1"
			c.edit(&a)
			var got []string
			for _, s := range steps(a) {
				got = append(got, s.Command)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestStepsHoldNothingThatAHostSent(t *testing.T) {
	t.Parallel()
	const evil = "$(evil); \n"
	for _, info := range portvigil.Kinds() {
		a := sampleAlert()
		a.Kind, a.Text, a.ID, a.Host, a.Subject.Name, a.Proto = info.Kind, evil, evil, evil, evil, evil
		a.Service, a.Process = &portvigil.Service{Product: evil, Name: evil}, &portvigil.Process{Exe: evil, User: evil}
		a.Endpoints[0].Proto = evil
		if got := fmt.Sprint(steps(a)); strings.Contains(got, "evil") || strings.Contains(got, "$(") {
			t.Errorf("%s: %s", info.Kind, got)
		}
	}
}
