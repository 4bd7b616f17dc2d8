package portvigil

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTheHoursOfAnAllowanceNeverBeginOrEndBeforeTheyAreDue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := Hours{From: rapid.IntRange(0, 24*60-1).Draw(t, "from"), To: rapid.IntRange(1, 24*60).Draw(t, "to"),
			Zone: rapid.SampledFrom([]string{"", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"}).Draw(t, "zone")}
		// The nights in which clocks are turned are as likely as all others.
		night := rapid.SampledFrom([]time.Time{
			time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 0, 0, 0, 0, time.UTC),
			time.Date(2026, 4, 4, 14, 0, 0, 0, time.UTC), time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
		}).Draw(t, "night")
		now := night.Add(time.Duration(rapid.IntRange(0, 3*60*60).Draw(t, "seconds")) * time.Second)
		next := h.next(now)
		if h.IsZero() {
			if !next.IsZero() {
				t.Fatalf("what never ends is due at %s", next)
			}
			return
		}
		if !next.After(now) || next.Sub(now) > 15*time.Minute {
			t.Fatalf("%s: after %s it is due at %s", h, now, next)
		}
		for at := now; at.Before(next); at = at.Add(time.Second) {
			if h.Contain(at) != h.Contain(now) {
				t.Fatalf("%s: it changes at %s, and is due at %s", h, at, next)
			}
		}
	})
}

func TestWhatIsDueIsTheFirstMomentThatMayChangeAnything(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	h := Host{Name: "web1", Added: now.Add(-300 * time.Hour), Outside: 24 * time.Hour, Inside: time.Hour}
	look := LookHead{ID: "1", Received: now.Add(-time.Hour)}
	at := func(d time.Duration) *time.Time { moment := now.Add(d); return &moment }
	for name, c := range map[string]struct {
		s                Situation
		alerts, vantages []Alert
		want             time.Duration // 0: never
	}{
		"nothing is known": {},
		"a look goes stale a microsecond after one and a half intervals": {
			s:    Situation{Trails: []Trail{{Key: ViewKey{View: Outside}, Latest: []Covering{{look, AllPorts()}}}}},
			want: 35*time.Hour + time.Microsecond},
		"an inside look has its own interval": {
			s:    Situation{Trails: []Trail{{Key: ViewKey{View: Inside}, Latest: []Covering{{look, AllPorts()}}}}},
			want: 30*time.Minute + time.Microsecond},
		"what an incomplete look saw open is believed for as long": {
			s: Situation{Trails: []Trail{{Key: ViewKey{View: Inside},
				Sights: []Sight{{State: StateOpen, Last: now.Add(-time.Minute)}, {State: StateClosed, Last: now.Add(-time.Hour)}}}}},
			want: 89*time.Minute + time.Microsecond},
		"an entry counts to the end of its day": {
			s:    Situation{Baseline: Baseline{Entries: []Entry{{Expires: Date{2026, 3, 2}}, {Expires: Date{2026, 3, 1}}}}},
			want: 16 * time.Hour},
		"hours begin":                        {s: Situation{Baseline: Baseline{Allow: []Allow{{Hours: Hours{From: 487, To: 600}}}}}, want: 7 * time.Minute},
		"an acknowledgement is over":         {alerts: []Alert{{State: AlertAcknowledged, Memory: AlertMemory{AckUntil: at(time.Minute)}}}, want: time.Minute},
		"one that was over is not due again": {alerts: []Alert{{State: AlertAcknowledged, Memory: AlertMemory{AckUntil: at(0)}}}},
		"a door is still open":               {alerts: []Alert{{State: AlertWaitingShut, Memory: AlertMemory{ShutAsked: at(-time.Hour)}}}, want: 23 * time.Hour},
		"a risk is borne no longer":          {alerts: []Alert{{State: AlertResolved, Resolution: &Resolution{Until: at(time.Hour)}}}, want: time.Hour},
		"a host is excused by its vantage no longer": {
			vantages: []Alert{{State: AlertResolved, Resolution: &Resolution{Time: now.Add(-time.Hour)}}}, want: 35*time.Hour + time.Microsecond},
		"the first of several": {
			alerts: []Alert{{State: AlertAcknowledged, Memory: AlertMemory{AckUntil: at(time.Hour)}},
				{State: AlertAcknowledged, Memory: AlertMemory{AckUntil: at(time.Minute)}}}, want: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.s.Host, c.s.Now = h, now
			got := NextDue(c.s, c.alerts, c.vantages)
			if want := now.Add(c.want); c.want == 0 && !got.IsZero() || c.want != 0 && !got.Equal(want) {
				t.Errorf("due at %s, want %s after %s", got, c.want, now)
			}
		})
	}
}
