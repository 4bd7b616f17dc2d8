package portvigil

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var deployed = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func doorAlert(host string, port uint16, opened time.Time) Alert {
	return Alert{ID: NewID(), Kind: Kind(UnexpectedExposed), Host: host, Proto: TCP, Port: port, Opened: opened}
}

// Opens an alert on one host after another and keeps what becomes of them.
func openInTurn(list []Alert) []Alert {
	var alerts []Alert
	for _, a := range list {
		alerts = append(alerts, a)
		for _, changed := range SameDoor(a, alerts) {
			for i := range alerts {
				if alerts[i].ID == changed.ID {
					alerts[i] = changed
				}
			}
		}
	}
	return alerts
}

func TestTheSameNewDoorOnThreeHostsWithinAnHourIsACause(t *testing.T) {
	at := func(minutes int) time.Time { return deployed.Add(time.Duration(minutes) * time.Minute) }
	gone := doorAlert("web9", 9100, at(1))
	gone.Kind = Kind(Missing)
	for _, c := range []struct {
		name   string
		alerts []Alert
		counts string
	}{
		{"two hosts", []Alert{doorAlert("web1", 9100, at(0)), doorAlert("web2", 9100, at(1))}, "0 0"},
		{"three hosts", []Alert{doorAlert("web1", 9100, at(0)), doorAlert("web2", 9100, at(1)), doorAlert("web3", 9100, at(2))}, "3 3 3"},
		{"three doors", []Alert{doorAlert("web1", 9100, at(0)), doorAlert("web2", 9101, at(1)), doorAlert("web3", 9102, at(2))}, "0 0 0"},
		{"a door that is missing", []Alert{doorAlert("web1", 9100, at(0)), gone, doorAlert("web3", 9100, at(2))}, "0 0 0"},
		{"one after another through the day", []Alert{doorAlert("web1", 9100, at(0)), doorAlert("web2", 9100, at(30)),
			doorAlert("web3", 9100, at(60)), doorAlert("web4", 9100, at(90)), doorAlert("web5", 9100, at(120))}, "3 4 5 5 5"},
		{"too slow", []Alert{doorAlert("web1", 9100, at(0)), doorAlert("web2", 9100, at(40)), doorAlert("web3", 9100, at(80))}, "0 0 0"},
		{"the same host twice", []Alert{doorAlert("web1", 9100, at(0)), doorAlert("web1", 9100, at(1)), doorAlert("web2", 9100, at(2))}, "0 0 0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for _, a := range openInTurn(c.alerts) {
				n := 0
				if a.Cause != nil {
					n = a.Cause.Count
				}
				got += fmt.Sprint(" ", n)
			}
			if got != " "+c.counts {
				t.Errorf("counts are%s, want %s", got, c.counts)
			}
		})
	}
}

// Of any alerts that open in turn: none is lost or made, only the cause
// changes, all that share one are about the same door, and the highest count
// that a cause has is the number of those that share it.
func TestACauseJoinsOnlyTheSameDoorAndCountsItsAlerts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := deployed
		var list []Alert
		for i := range rapid.IntRange(1, 12).Draw(t, "alerts") {
			at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			list = append(list, doorAlert(fmt.Sprintf("web%d", i), rapid.SampledFrom([]uint16{80, 9100}).Draw(t, "port"), at))
		}
		got := openInTurn(list)
		doors, members, counts := map[string]Door{}, map[string]int{}, map[string]int{}
		for i, a := range got {
			if a.Cause != nil {
				if door, found := doors[a.Cause.ID]; found && door != (Door{a.Proto, a.Port}) {
					t.Fatalf("one cause for %s and %d", door, a.Port)
				}
				doors[a.Cause.ID] = Door{a.Proto, a.Port}
				members[a.Cause.ID]++
				counts[a.Cause.ID] = max(counts[a.Cause.ID], a.Cause.Count)
			}
			a.Cause = nil
			if !sameStory(a, list[i]) || a.ID != list[i].ID {
				t.Fatalf("alert %d became another one", i)
			}
		}
		for id, n := range members {
			if n < CauseHosts || counts[id] != n {
				t.Fatalf("%d alerts share a cause that counts %d", n, counts[id])
			}
		}
	})
}
