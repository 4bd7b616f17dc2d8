package portvigil

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAChannelFailsAfterAQuarterOfAnHourWithoutAMessageThatArrived(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		row     ChannelRow
		failing bool
	}{
		{"one that was never used", ChannelRow{Name: "ops"}, false},
		{"one whose last message arrived", ChannelRow{Name: "ops", LastSuccess: now, LastFailure: now.Add(-time.Hour)}, false},
		{"one that fails since fourteen minutes", ChannelRow{Name: "ops", FailingSince: now.Add(-14 * time.Minute)}, false},
		{"one that fails since fifteen minutes", ChannelRow{Name: "ops", FailingSince: now.Add(-15 * time.Minute)}, true},
		{"one whose only message was given up long ago", ChannelRow{Name: "ops", FailingSince: now.Add(-48 * time.Hour)}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := len(FailingChannels([]ChannelRow{c.row}, now)) == 1; got != c.failing {
				t.Errorf("failing is %t", got)
			}
		})
	}
}

// apply writes changes over alerts, as a store does.
func apply(alerts []Alert, changes []Change) []Alert {
	for _, c := range changes {
		at := slices.IndexFunc(alerts, func(a Alert) bool { return a.ID == c.Alert.ID })
		if at < 0 {
			alerts = append(alerts, c.Alert)
		} else {
			alerts[at] = c.Alert
		}
	}
	return alerts
}

func TestATroubleThatSomebodyJudgedComesBackWhenItIsAnotherOne(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	trouble := Trouble{Kind: ChannelFailing, Subject: ChannelSubject("ops"), Since: now.Add(-time.Hour)}
	raised := func() Alert { return ReconcileTroubles(now, []Trouble{trouble}, nil)[0].Alert }
	later := now.Add(time.Hour)
	for _, c := range []struct {
		name string
		end  func(Alert) Change
		with Trouble
		at   time.Time
		want []AlertEvent
	}{
		{"false, the same spell", func(a Alert) Change { c, _ := a.False("ann", "known", DoorPrint{}, now); return c }, trouble, later, nil},
		{"false, another spell", func(a Alert) Change { c, _ := a.False("ann", "known", DoorPrint{}, now); return c },
			Trouble{Kind: ChannelFailing, Subject: ChannelSubject("ops"), Since: now.Add(time.Minute)}, later, []AlertEvent{AlertReopened}},
		{"accepted, before the day is over", func(a Alert) Change { c, _ := a.Accept("ann", "known", "ann", now.Add(24*time.Hour), now); return c }, trouble, later, nil},
		{"accepted, after it", func(a Alert) Change { c, _ := a.Accept("ann", "known", "ann", now.Add(24*time.Hour), now); return c }, trouble,
			now.Add(25 * time.Hour), []AlertEvent{AlertReopened}},
		{"cleared two months ago", func(a Alert) Change { return ReconcileTroubles(now, nil, []Alert{a})[0] },
			Trouble{Kind: ChannelFailing, Subject: ChannelSubject("ops"), Since: now.Add(time.Minute)}, now.Add(60 * 24 * time.Hour), []AlertEvent{AlertOpened}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ended := c.end(raised()).Alert
			var got []AlertEvent
			for _, change := range ReconcileTroubles(c.at, []Trouble{c.with}, []Alert{ended}) {
				got = append(got, change.Told)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever comes and goes, an alert is open exactly while its trouble is there,
// there is one for each, and each spell is told once.
func TestTroublesAndTheirAlertsComeAndGoTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
		names := []string{"ops", "mail", "pager"}
		var alerts []Alert
		was, spells, told := map[string]bool{}, 0, 0
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			now = now.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 40 * 24 * time.Hour}).Draw(t, "later"))
			is, troubles := map[string]bool{}, []Trouble{}
			for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "failing") {
				is[name] = true
				if !was[name] {
					spells++
				}
				troubles = append(troubles, Trouble{Kind: ChannelFailing, Subject: ChannelSubject(name), Since: now})
			}
			changes := ReconcileTroubles(now, troubles, alerts)
			for _, c := range changes {
				if c.Told == AlertOpened || c.Told == AlertReopened {
					told++
				}
			}
			alerts = apply(alerts, changes)
			open := map[string]bool{}
			for _, a := range alerts {
				if a.Open() && open[a.Subject.Name] {
					t.Fatalf("two alerts for %s", a.Subject.Name)
				}
				if a.Open() {
					open[a.Subject.Name] = true
				}
			}
			if diff := cmp.Diff(is, open); diff != "" {
				t.Fatalf("open (-want +got):\n%s", diff)
			}
			if again := ReconcileTroubles(now, troubles, alerts); len(again) > 0 {
				t.Fatalf("judging again changes %d alerts", len(again))
			}
			was = is
		}
		if spells != told {
			t.Fatalf("%d spells, told %d times", spells, told)
		}
	})
}
