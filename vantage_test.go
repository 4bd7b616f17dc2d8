package portvigil

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAVantageIsBlindWhenItSeesLessThanHalfOfItsHostsAndMissesThree(t *testing.T) {
	for _, c := range []struct {
		name        string
		sees, blind int
		want        bool
	}{
		{"two of two hosts", 0, 2, false},
		{"three of three hosts", 0, 3, true},
		{"three of six hosts", 3, 3, false},
		{"four of seven hosts", 3, 4, true},
		{"three of a hundred hosts", 97, 3, false},
		{"none of a hundred hosts", 100, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var sights []VantageSight
			for i := range c.sees + c.blind {
				sights = append(sights, VantageSight{Vantage: "local", Sees: i < c.sees}, VantageSight{Vantage: "other", Sees: true})
			}
			got := BlindVantages(sights)
			if blind := len(got) == 1 && got[0].Subject == VantageSubject("local"); blind != c.want || len(got) > 1 {
				t.Errorf("blind are %v", got)
			}
		})
	}
}

func TestAVantageIsBlindWhenItFailsToSeeFiveInARow(t *testing.T) {
	for _, c := range []struct {
		name   string
		failed int
		want   bool
	}{{"four of a hundred, one after the other", 4, false}, {"five of a hundred, one after the other", 5, true}} {
		t.Run(c.name, func(t *testing.T) {
			now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
			var sights []VantageSight
			for i := range 100 {
				last := now.Add(-time.Duration(i+1) * time.Minute)
				s := VantageSight{Host: fmt.Sprint(i), Vantage: "local", Sees: i >= c.failed, Last: last, Newest: last}
				if !s.Sees {
					s.Last, s.Newest = now.Add(-time.Hour*24), now.Add(time.Minute)
				}
				sights = append(sights, s)
			}
			if got := BlindVantages(sights); (len(got) == 1) != c.want {
				t.Errorf("blind are %v", got)
			}
			sights[99].Last = now.Add(2 * time.Minute) // it saw one since
			if got := BlindVantages(sights); len(got) > 0 {
				t.Errorf("blind are %v, though one was seen since", got)
			}
		})
	}
}

func TestAVantageSeesAHostThroughAnyFreshCompleteLook(t *testing.T) {
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	host := Host{Name: "web1", Outside: 24 * time.Hour}
	trail := func(age time.Duration, complete bool) Trail {
		head := LookHead{ID: NewID(), Received: now.Add(-age), Complete: complete}
		seen := head
		if !complete {
			seen.Received = now.Add(-age - time.Hour)
		}
		return Trail{Key: ViewKey{View: Outside, Vantage: "local"}, Newest: head, Latest: []Covering{{seen, PortsOf(22)}}}
	}
	for _, c := range []struct {
		name   string
		trails []Trail
		want   string
	}{
		{"nobody looked", nil, "[]"},
		{"only looks from inside", []Trail{{Key: ViewKey{View: Inside}, Newest: LookHead{ID: "1"}}}, "[]"},
		{"a complete look", []Trail{trail(time.Hour, true)}, "[true]"},
		{"a complete look, too old", []Trail{trail(37*time.Hour, true)}, "[false]"},
		{"an incomplete look after a complete one", []Trail{trail(time.Hour, false)}, "[false]"},
		{"two addresses, one seen", []Trail{trail(time.Hour, false), trail(time.Hour, true)}, "[true]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := []bool{}
			for _, s := range VantageSights(host, c.trails, now) {
				got = append(got, s.Sees)
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("sees %v, want %s", got, c.want)
			}
		})
	}
}

// What one vantage sees says nothing of another, and the order says nothing.
func TestVantagesAreJudgedEachForItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sights := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) VantageSight {
			return VantageSight{Vantage: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "vantage"), Sees: rapid.Bool().Draw(t, "sees")}
		}), 0, 12).Draw(t, "sights")
		var alone []Trouble
		for _, name := range []string{"a", "b"} {
			var own []VantageSight
			for _, s := range sights {
				if s.Vantage == name {
					own = append(own, s)
				}
			}
			alone = append(alone, BlindVantages(own)...)
		}
		mixed := rapid.Permutation(sights).Draw(t, "order")
		if fmt.Sprint(alone) != fmt.Sprint(BlindVantages(mixed)) {
			t.Fatalf("alone %v, together %v", alone, BlindVantages(mixed))
		}
	})
}
