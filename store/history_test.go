package store

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// pastLook is one look of a made-up past: few ports, so that they meet.
func pastLook(t *rapid.T, seq uint64, view portvigil.View) *portvigil.Look {
	l := &portvigil.Look{ID: fmt.Sprintf("look-%02d", seq), View: view, Seq: seq,
		Received: at(rapid.IntRange(0, 5000).Draw(t, "received")), Complete: rapid.Bool().Draw(t, "complete")}
	l.Started, l.Ended = l.Received, l.Received
	if rapid.IntRange(0, 9).Draw(t, "own") == 0 {
		l.OwnAddress = true
	}
	if view == portvigil.Inside {
		l.Covers = rapid.SampledFrom([][]portvigil.Coverage{nil, {portvigil.CoversSockets}, {portvigil.CoversSockets, portvigil.CoversNamespaces}}).Draw(t, "covers")
		for range rapid.IntRange(0, 3).Draw(t, "listeners") {
			l.Listeners = append(l.Listeners, portvigil.Listener{Proto: portvigil.TCP, Port: rapid.Uint16Range(1, 3).Draw(t, "port"),
				Address:   netip.MustParseAddr(rapid.SampledFrom([]string{"0.0.0.0", "127.0.0.1"}).Draw(t, "bound")),
				Namespace: rapid.Uint64Range(0, 1).Draw(t, "namespace")})
		}
		return l
	}
	l.Vantage, l.Address, l.Proto = "here", netip.MustParseAddr("192.0.2.1"), portvigil.UDP
	l.Ports, _ = portvigil.ParsePortSet(rapid.SampledFrom([]string{"1-65535", "1-2", "3"}).Draw(t, "ports"))
	states := []portvigil.PortState{portvigil.StateClosed, portvigil.StateFiltered, portvigil.StateOpenFiltered, portvigil.StateOpen}
	l.DefaultState = rapid.SampledFrom(states[:3]).Draw(t, "default")
	for _, port := range rapid.SampledFrom([][]uint16{nil, {1}, {1, 3}, {2, 3}}).Draw(t, "listed") {
		l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: rapid.SampledFrom(states).Draw(t, "state")})
	}
	return l
}

// modelled is an interval in the plainest words: who was open, and the looks that
// say so.
type modelled struct {
	Entrance         portvigil.Entrance
	After            time.Time
	First, Last, End string
	Ended            portvigil.PortState
}

// model derives the intervals of one view from all of its looks, an entrance at a
// time, without anything that the store or History use.
func model(looks []*portvigil.Look) []modelled {
	looks = slices.DeleteFunc(slices.Clone(looks), func(l *portvigil.Look) bool { return l.OwnAddress })
	slices.SortFunc(looks, func(a, b *portvigil.Look) int { return cmp.Compare(a.Seq, b.Seq) })
	entrances := map[portvigil.Entrance]bool{}
	for _, l := range looks {
		for _, s := range l.Listeners {
			entrances[portvigil.Entrance{Address: s.Address, Proto: s.Proto, Port: s.Port, Apart: s.Namespace > 0}] = true
		}
		for port := range uint16(4) {
			entrances[portvigil.Entrance{Address: l.Address, Proto: l.Proto, Port: port}] = l.View == portvigil.Outside
		}
	}
	var all []modelled
	for e, real := range entrances {
		if !real {
			continue
		}
		var now *modelled
		var shut time.Time
		for n, l := range looks {
			received := l.Received
			for _, later := range looks[n:] {
				if later.Received.Before(received) {
					received = later.Received
				}
			}
			switch state := sawAt(l, e); {
			case state == portvigil.StateOpen && now == nil:
				now = &modelled{Entrance: e, After: shut, First: l.ID, Last: l.ID}
			case state == portvigil.StateOpen:
				now.Last = l.ID
			case state != "" && now != nil:
				now.End, now.Ended = l.ID, state
				all, now = append(all, *now), nil
			}
			saw := sawAt(l, e)
			switch {
			case silent(l) && l.Complete && l.Ports.Contains(e.Port):
				shut = time.Time{} // what was known before may have changed unseen
			case saw != "" && saw != portvigil.StateOpen:
				shut = received
			}
		}
		if now != nil {
			all = append(all, *now)
		}
	}
	return sortedModel(all)
}

// sawAt is what a look says of an entrance: "" for nothing.
func sawAt(l *portvigil.Look, e portvigil.Entrance) portvigil.PortState {
	if l.View == portvigil.Inside {
		for _, s := range l.Listeners {
			if s.Port == e.Port && s.Address == e.Address && (s.Namespace > 0) == e.Apart {
				return portvigil.StateOpen
			}
		}
		if l.Complete && l.CoversAll(portvigil.CoversSockets) && (!e.Apart || l.CoversAll(portvigil.CoversNamespaces)) {
			return portvigil.StateClosed
		}
		return ""
	}
	state := portvigil.PortState("")
	if l.Ports.Contains(e.Port) {
		state = l.DefaultState
	}
	for _, o := range l.Observations {
		if o.Port == e.Port && (state != "" || o.State == portvigil.StateOpen) {
			state = o.State
		}
	}
	if state == portvigil.StateOpen || l.Complete && state != portvigil.StateOpenFiltered {
		return state
	}
	return ""
}

// silent is whether any port gave no answer that tells open from shut.
func silent(l *portvigil.Look) bool {
	return l.DefaultState == portvigil.StateOpenFiltered || slices.ContainsFunc(l.Observations, func(o portvigil.Observation) bool {
		return o.State == portvigil.StateOpenFiltered
	})
}

func sortedModel(all []modelled) []modelled {
	slices.SortFunc(all, func(a, b modelled) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return all
}

// stored is what the store says, in the model's words.
func stored(t *rapid.T, tx *Tx, hostID string) (all []modelled) {
	intervals, err := tx.intervalsWhere(`WHERE org = ? AND host_id = ?`, org, hostID)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range intervals {
		all = append(all, modelled{i.Entrance, i.After, i.First.Look, i.Last.Look, i.End.Look, i.Ended})
	}
	return sortedModel(all)
}

// testHistory stores the looks of a past in any order: what lasted when is what a
// plain reading of all of them says.
func testHistory(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	rapid.Check(t, func(rt *rapid.T) {
		view := rapid.SampledFrom([]portvigil.View{portvigil.Inside, portvigil.Outside}).Draw(rt, "view")
		var looks []*portvigil.Look
		for n := range rapid.IntRange(1, 12).Draw(rt, "looks") {
			looks = append(looks, pastLook(rt, uint64(n+1), view))
		}
		if rapid.Bool().Draw(rt, "on time") {
			slices.SortFunc(looks, func(a, b *portvigil.Look) int { return a.Received.Compare(b.Received) })
			for n, l := range looks {
				l.Seq = uint64(n + 1)
			}
		}
		arrival := rapid.Permutation(looks).Draw(rt, "arrival")
		if rapid.Bool().Draw(rt, "in order") {
			arrival = looks
		}
		roundTrip(rt, s, func(tx *Tx) error {
			for _, l := range arrival {
				if err := tx.AddLook(h.ID, l); err != nil {
					return err
				}
			}
			diff(rt, stored(rt, tx, h.ID), model(looks))
			return nil
		})
	})
}

func testPast(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	open := func(seq uint64, ports ...uint16) *portvigil.Look {
		l := outsideLook(seq, "192.0.2.1")
		l.ID = fmt.Sprintf("look-%d", seq)
		for _, p := range ports {
			l.Observations = append(l.Observations, portvigil.Observation{Port: p, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck})
		}
		return l
	}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, open(10, 22)), tx.AddLook(h.ID, open(20, 22, 80)), tx.AddLook(h.ID, open(30, 22)))
	})
	for minute, want := range map[int]string{
		5:  "",
		10: "22/tcp open",
		15: "22/tcp open, 80/tcp unknown", // 80 was opened between two looks
		20: "22/tcp open, 80/tcp open",
		25: "22/tcp open, 80/tcp unknown",
		30: "22/tcp open",
		// A day and a half of no look later nobody knows.
		30 + 36*60: "22/tcp open",
		31 + 36*60: "22/tcp unknown",
	} {
		if got := pastText(t, s, h, at(minute)); got != want {
			t.Errorf("minute %d: got %q, want %q", minute, got, want)
		}
	}
	// An address that has gone takes what was open there with it, and nothing that
	// comes late brings it back.
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.RemoveTrail(h.ID, open(1).Key()), tx.AddLook(h.ID, open(25, 8080)))
	})
	if got := pastText(t, s, h, s.clock().Add(time.Hour)); got != "" {
		t.Errorf("after the address had gone: got %q", got)
	}
	if got, want := pastText(t, s, h, at(26)), "22/tcp open, 80/tcp unknown"; got != want {
		t.Errorf("before the address had gone: got %q, want %q", got, want)
	}
}

func pastText(t *testing.T, s *Store, h portvigil.Host, when time.Time) (text string) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		intervals, watched, err := tx.Past(h.ID, when)
		for n, d := range portvigil.PastOf(h, when, intervals, watched).Doors {
			if n > 0 {
				text += ", "
			}
			text += d.Door().String() + " " + string(d.State)
		}
		return err
	})
	return text
}

// testHistoryFill opens a database whose looks were stored before there were
// intervals.
func testHistoryFill(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	first, second := outsideLook(1, "192.0.2.1"), outsideLook(2, "192.0.2.1")
	first.Observations = []portvigil.Observation{{Port: 22, State: portvigil.StateOpen}}
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddLook(h.ID, first), tx.AddLook(h.ID, second)) })
	all := func() (list []portvigil.Interval) {
		view(t, s, func(tx *Tx) (err error) {
			list, err = tx.intervalsWhere(`WHERE org = ?`, org)
			return err
		})
		return list
	}
	want := all()
	update(t, s, func(tx *Tx) error {
		for _, forget := range []string{`DELETE FROM intervals`, `DELETE FROM watched`, `DELETE FROM histories`,
			`DELETE FROM settings WHERE key = '` + historyFilled + `'`} {
			if _, err := tx.exec(forget); err != nil {
				return err
			}
		}
		return nil
	})
	for range 2 {
		if err := s.fillHistory(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if same(t, all(), want); len(want) != 1 || want[0].Ended != portvigil.StateFiltered {
		t.Errorf("got %v", want)
	}
}
