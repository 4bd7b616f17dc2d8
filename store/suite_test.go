package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// suite is what every database behind a Store has to do alike.
func suite(t *testing.T, open func(*testing.T) *Store) {
	for name, test := range map[string]func(*testing.T, *Store){
		"a host is found by name and id until it is removed":      testHosts,
		"a scope rule replaces the one for the same network":      testScope,
		"what an update that fails did leaves no trace":           testRollback,
		"readers see whole transactions while others write":       testReaders,
		"sequence numbers only rise, also over failed updates":    testSeq,
		"looks come back as they went, in order":                  testLooks,
		"any look comes back exactly":                             testLookRoundTrip,
		"any trail comes back exactly":                            testTrailRoundTrip,
		"any alert comes back exactly, memory included":           testAlertRoundTrip,
		"trails are ordered, replaced and removed":                testTrails,
		"an alert is found by its id, or a unique part of it":     testAlertID,
		"alerts are listed open or all, and by host":              testAlertLists,
		"the story of an alert is told in order":                  testAudit,
		"a baseline takes the next version and no other":          testBaselines,
		"a channel keeps its secret, sealed in its row":           testChannels,
		"a removed channel takes what is queued for it":           testRemoveChannel,
		"deliveries are queued until they are sent":               testDeliveries,
		"requests are open while wanted or running":               testRequests,
		"a removed host takes its looks and leaves its alerts":    testRemoveHost,
		"a damaged row is named and nothing panics":               testDamagedRows,
		"what a view writes is refused":                           testViewIsReadOnly,
		"an empty store has nothing, and says so without failing": testEmpty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func update(t *testing.T, s *Store, do func(tx *Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), do); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s *Store, do func(tx *Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), do); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// is fails the test unless the error has the code.
func is(t *testing.T, err error, code portvigil.Code) {
	t.Helper()
	if got := portvigil.ErrorCode(err); got != code {
		t.Errorf("got code %q (%v), want %q", got, err, code)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, sameValues); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func at(minutes int) time.Time {
	return time.Date(2026, 5, 3, 12, 0, 0, 123_000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

func host(name string) portvigil.Host {
	return portvigil.Host{ID: portvigil.NewID(), Name: name, Targets: []string{"192.0.2.1"}, Groups: []string{"databases"},
		Addresses: []portvigil.HostAddress{{Address: netip.MustParseAddr("192.0.2.1"), Kind: portvigil.AddressNAT}},
		Outside:   24 * time.Hour, Inside: time.Hour, Added: at(0)}
}

func addHost(t *testing.T, s *Store, name string) portvigil.Host {
	t.Helper()
	h := host(name)
	update(t, s, func(tx *Tx) error { return tx.PutHost(h) })
	return h
}

func testHosts(t *testing.T, s *Store) {
	b, a := addHost(t, s, "b"), addHost(t, s, "a")
	a.Local = true
	update(t, s, func(tx *Tx) error { return tx.PutHost(a) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.PutHost(host("a")) }), portvigil.CodeConflict)
	view(t, s, func(tx *Tx) error {
		all, err := tx.Hosts()
		same(t, all, []portvigil.Host{a, b})
		byName, err2 := tx.Host("a")
		same(t, byName, a)
		byID, err3 := tx.HostByID(b.ID)
		same(t, byID, b)
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveHost(a.ID) })
	view(t, s, func(tx *Tx) error {
		_, err := tx.Host("a")
		is(t, err, portvigil.CodeNotFound)
		_, err = tx.HostByID(a.ID)
		is(t, err, portvigil.CodeNotFound)
		return nil
	})
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.RemoveHost(a.ID) }), portvigil.CodeNotFound)
}

func testScope(t *testing.T, s *Store) {
	allow := portvigil.ScopeRule{Prefix: netip.MustParsePrefix("10.1.2.3/8"), Added: at(0), By: "ann"}
	deny := portvigil.ScopeRule{Prefix: netip.MustParsePrefix("10.0.0.0/8"), Deny: true, Added: at(1), By: "bob"}
	other := portvigil.ScopeRule{Prefix: netip.MustParsePrefix("2001:db8::/32"), Added: at(2), By: "ann"}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutScopeRule(allow), tx.PutScopeRule(other), tx.PutScopeRule(deny))
	})
	view(t, s, func(tx *Tx) error {
		rules, err := tx.Scope()
		same(t, rules, []portvigil.ScopeRule{deny, other})
		return err
	})
}

func testRollback(t *testing.T, s *Store) {
	reason := errors.New("changed my mind")
	for name, do := range map[string]func() error{
		"error": func() error { return reason },
		"panic": func() error { panic(reason) },
	} {
		func() {
			defer func() { _ = recover() }()
			err := s.Update(t.Context(), func(tx *Tx) error {
				if err := tx.PutHost(host(name)); err != nil {
					return err
				}
				return do()
			})
			if !errors.Is(err, reason) {
				t.Errorf("got %v, want %v", err, reason)
			}
		}()
	}
	view(t, s, func(tx *Tx) error {
		all, err := tx.Hosts()
		same(t, all, []portvigil.Host(nil))
		return err
	})
}

func testReaders(t *testing.T, s *Store) {
	put := func(i int) func(*Tx) error {
		return func(tx *Tx) error {
			return errors.Join(tx.PutSetting("one", fmt.Sprint(i)), tx.PutSetting("two", fmt.Sprint(i)))
		}
	}
	update(t, s, put(0))
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for ctx.Err() == nil {
				err := s.View(t.Context(), func(tx *Tx) error {
					one, err := tx.Setting("one")
					two, err2 := tx.Setting("two")
					if one != two {
						t.Errorf("a reader saw half a transaction: %s and %s", one, two)
					}
					return errors.Join(err, err2)
				})
				if err != nil {
					t.Errorf("View: %v", err)
					return
				}
			}
		})
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for i := range 25 {
				if err := s.Update(t.Context(), put(i)); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	writers.Wait()
	cancel()
	readers.Wait()
}

func testSeq(t *testing.T, s *Store) {
	var last uint64
	undo := errors.New("undo")
	for i := range 6 {
		err := s.Update(t.Context(), func(tx *Tx) error {
			n, err := tx.NextSeq()
			if n <= last {
				t.Errorf("got %d after %d", n, last)
			}
			last = n
			if err == nil && i%2 == 0 {
				err = undo
			}
			return err
		})
		if err != nil && !errors.Is(err, undo) {
			t.Fatal(err)
		}
	}
}

func outsideLook(seq uint64, address string) *portvigil.Look {
	return &portvigil.Look{ID: portvigil.NewID(), Run: "run", View: portvigil.Outside, Vantage: "here", Address: netip.MustParseAddr(address),
		Proto: portvigil.TCP, Ports: portvigil.AllPorts(), Seq: seq, Started: at(int(seq)), Ended: at(int(seq)), Received: at(int(seq)),
		Complete: true, DefaultState: portvigil.StateFiltered}
}

func testLooks(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	second, first, elsewhere := outsideLook(2, "192.0.2.1"), outsideLook(1, "192.0.2.1"), outsideLook(3, "2001:db8::1")
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, second), tx.AddLook(h.ID, first), tx.AddLook(h.ID, elsewhere))
	})
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddLook(h.ID, first) }), portvigil.CodeConflict)
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddLook("nobody", outsideLook(4, "192.0.2.1")) }), portvigil.CodeNotFound)
	h.Name = "renamed"
	update(t, s, func(tx *Tx) error { return tx.PutHost(h) })
	first.Host, second.Host, elsewhere.Host = h.Name, h.Name, h.Name
	view(t, s, func(tx *Tx) error {
		there, err := tx.HasLook(first.ID)
		missing, err2 := tx.HasLook(portvigil.NewID())
		if !there || missing {
			t.Errorf("HasLook: got %v and %v, want true and false", there, missing)
		}
		series, err3 := tx.Looks(h.ID, first.Key())
		same(t, series, []*portvigil.Look{first, second})
		run, err4 := tx.LooksOfRun("run")
		same(t, run, []*portvigil.Look{first, second, elsewhere})
		return errors.Join(err, err2, err3, err4)
	})
}

// errUndo ends a property's transaction without a write to disk.
var errUndo = errors.New("undo")

func roundTrip(t *rapid.T, s *Store, do func(*Tx) error) {
	if err := s.Update(context.Background(), func(tx *Tx) error { return undone(do(tx)) }); !errors.Is(err, errUndo) {
		t.Fatal(err)
	}
}

func undone(err error) error {
	if err == nil {
		return errUndo
	}
	return err
}

func diff(t *rapid.T, got, want any) {
	if d := cmp.Diff(want, got, sameValues); d != "" {
		t.Fatalf("(-want +got):\n%s", d)
	}
}

func testLookRoundTrip(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	rapid.Check(t, func(rt *rapid.T) {
		want := genLook().Draw(rt, "look")
		want.Host = h.Name
		roundTrip(rt, s, func(tx *Tx) error {
			if err := tx.AddLook(h.ID, want); err != nil {
				return err
			}
			got, err := tx.Looks(h.ID, want.Key())
			diff(rt, got, []*portvigil.Look{want})
			return err
		})
	})
}

func testTrailRoundTrip(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	rapid.Check(t, func(rt *rapid.T) {
		want := genTrail().Draw(rt, "trail")
		roundTrip(rt, s, func(tx *Tx) error {
			if err := tx.PutTrail(h.ID, want); err != nil {
				return err
			}
			got, err := tx.Trails(h.ID)
			diff(rt, got, []portvigil.Trail{*want})
			return err
		})
	})
}

func testAlertRoundTrip(t *testing.T, s *Store) {
	rapid.Check(t, func(rt *rapid.T) {
		want := genAlert().Draw(rt, "alert")
		roundTrip(rt, s, func(tx *Tx) error {
			if err := tx.PutAlert(want); err != nil {
				return err
			}
			got, err := tx.Alert(want.ID)
			diff(rt, got, want)
			return err
		})
	})
}

func testTrails(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	trail := func(view portvigil.View, address string) *portvigil.Trail {
		k := portvigil.ViewKey{View: view}
		if address != "" {
			k.Address = netip.MustParseAddr(address)
		}
		return &portvigil.Trail{Key: k}
	}
	inside, nine, ten := trail(portvigil.Inside, ""), trail(portvigil.Outside, "192.0.2.9"), trail(portvigil.Outside, "192.0.2.10")
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutTrail(h.ID, ten), tx.PutTrail(h.ID, nine), tx.PutTrail(h.ID, inside))
	})
	nine.Newest.Seq = 7
	update(t, s, func(tx *Tx) error { return tx.PutTrail(h.ID, nine) })
	view(t, s, func(tx *Tx) error {
		all, err := tx.Trails(h.ID)
		same(t, all, []portvigil.Trail{*inside, *nine, *ten})
		return err
	})
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.RemoveTrail(h.ID, inside.Key), tx.RemoveTrail(h.ID, inside.Key), tx.RemoveTrail(h.ID, ten.Key))
	})
	view(t, s, func(tx *Tx) error {
		all, err := tx.Trails(h.ID)
		same(t, all, []portvigil.Trail{*nine})
		return err
	})
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.PutTrail("nobody", nine) }), portvigil.CodeNotFound)
}

func testAlertID(t *testing.T, s *Store) {
	const one, two = "0198c0de-0000-7000-8000-0000000a11ce", "0198c0de-0000-7000-8000-000000000b0b"
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutAlert(portvigil.Alert{ID: one, Opened: at(0)}), tx.PutAlert(portvigil.Alert{ID: two, Opened: at(1)}))
	})
	view(t, s, func(tx *Tx) error {
		for text, want := range map[string]string{one: one, "0A11CE": one, "00000b0b": two, one[:33]: one} {
			a, err := tx.Alert(text)
			if err != nil || a.ID != want {
				t.Errorf("Alert(%q): got %q, %v, want %q", text, a.ID, err, want)
			}
		}
		_, err := tx.Alert("0198c0")
		is(t, err, portvigil.CodeConflict)
		if err == nil || !strings.Contains(err.Error(), one) || !strings.Contains(err.Error(), two) {
			t.Errorf("got %v, want both ids named", err)
		}
		for _, text := range []string{"", "11ce", "%%%%%%", "______", "0a11cf", "\x00\xff\x1b[2J!"} {
			_, err := tx.Alert(text)
			is(t, err, portvigil.CodeNotFound)
		}
		return nil
	})
}

func testAlertLists(t *testing.T, s *Store) {
	alert := func(host string, minutes int, state portvigil.AlertState) portvigil.Alert {
		return portvigil.Alert{ID: portvigil.NewID(), Host: host, Opened: at(minutes), State: state}
	}
	late, early, done := alert("a", 3, portvigil.AlertNew), alert("b", 1, portvigil.AlertAcknowledged), alert("a", 2, portvigil.AlertResolved)
	update(t, s, func(tx *Tx) error { return errors.Join(tx.PutAlert(late), tx.PutAlert(early), tx.PutAlert(done)) })
	view(t, s, func(tx *Tx) error {
		open, err := tx.Alerts(true)
		same(t, open, []portvigil.Alert{early, late})
		all, err2 := tx.Alerts(false)
		same(t, all, []portvigil.Alert{early, done, late})
		ofHost, err3 := tx.AlertsOfHost("a")
		same(t, ofHost, []portvigil.Alert{done, late})
		return errors.Join(err, err2, err3)
	})
	early.State = portvigil.AlertResolved
	update(t, s, func(tx *Tx) error { return tx.PutAlert(early) })
	view(t, s, func(tx *Tx) error {
		open, err := tx.Alerts(true)
		same(t, open, []portvigil.Alert{late})
		return err
	})
}

func testAudit(t *testing.T, s *Store) {
	entry := func(alert string, minutes int) portvigil.AuditEntry {
		return portvigil.AuditEntry{ID: portvigil.NewID(), Alert: alert, Time: at(minutes), By: "ann", What: "comment", Text: "<b>\x1b"}
	}
	second, first, other := entry("one", 2), entry("one", 1), entry("two", 0)
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddAudit(second), tx.AddAudit(first), tx.AddAudit(other)) })
	view(t, s, func(tx *Tx) error {
		story, err := tx.Audit("one")
		same(t, story, []portvigil.AuditEntry{first, second})
		return err
	})
}

func testBaselines(t *testing.T, s *Store) {
	v := func(kind, name string, version int) portvigil.BaselineVersion {
		return portvigil.BaselineVersion{Kind: kind, Name: name, Version: version, Text: fmt.Sprint("text ", version), By: "ann", Time: at(version)}
	}
	add := func(v portvigil.BaselineVersion) error {
		return s.Update(t.Context(), func(tx *Tx) error { return tx.AddBaseline(v) })
	}
	for _, next := range []portvigil.BaselineVersion{v("group", "a", 1), v("host", "z", 1), v("host", "z", 2), v("host", "b", 1)} {
		if err := add(next); err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []portvigil.BaselineVersion{v("host", "z", 2), v("host", "z", 4), v("host", "new", 2), v("host", "new", 0)} {
		is(t, add(wrong), portvigil.CodeConflict)
	}
	view(t, s, func(tx *Tx) error {
		all, err := tx.Baselines()
		same(t, all, []portvigil.BaselineVersion{v("host", "b", 1), v("host", "z", 2), v("group", "a", 1)})
		z, err2 := tx.Baseline("host", "z")
		same(t, z, v("host", "z", 2))
		_, missing := tx.Baseline("host", "a")
		is(t, missing, portvigil.CodeNotFound)
		return errors.Join(err, err2)
	})
}

func channel(name string) portvigil.ChannelRow {
	return portvigil.ChannelRow{ID: portvigil.NewID(), Name: name, Kind: "slack", Settings: []byte(`{"to":"<ops> & friends"}`),
		Secret: []byte("https://hooks.example/T000/very-secret"), Added: at(0), LastError: "no answer"}
}

func testChannels(t *testing.T, s *Store) {
	a, open := channel("a"), channel("open")
	open.Secret = nil
	update(t, s, func(tx *Tx) error { return errors.Join(tx.PutChannel(open), tx.PutChannel(a)) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.PutChannel(channel("a")) }), portvigil.CodeConflict)
	a.LastSuccess = at(5)
	update(t, s, func(tx *Tx) error { return tx.PutChannel(a) })
	view(t, s, func(tx *Tx) error {
		all, err := tx.Channels()
		same(t, all, []portvigil.ChannelRow{a, open})
		one, err2 := tx.Channel("a")
		same(t, one, a)
		_, missing := tx.Channel("b")
		is(t, missing, portvigil.CodeNotFound)
		var body, secret []byte
		err3 := tx.tx.QueryRowContext(tx.ctx, `SELECT body, secret FROM channels WHERE name = 'a'`).Scan(&body, &secret)
		if strings.Contains(string(body)+string(secret), "very-secret") {
			t.Error("the secret stands in the row as it is")
		}
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveChannel(a.ID) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.RemoveChannel(a.ID) }), portvigil.CodeNotFound)
}

func delivery(channel string, minutes int) portvigil.Delivery {
	return portvigil.Delivery{ID: portvigil.NewID(), Alert: "one", Channel: channel, Event: portvigil.AlertOpened,
		Body: []byte(`{"text":"<b> & \u2028"}`), State: portvigil.DeliveryQueued, Created: at(minutes)}
}

func jobs(t *testing.T, s *Store, kind string) int {
	t.Helper()
	var n int
	view(t, s, func(tx *Tx) error {
		return tx.tx.QueryRowContext(tx.ctx, `SELECT count(*) FROM river_job WHERE kind = '`+kind+`'`).Scan(&n)
	})
	return n
}

func testRemoveChannel(t *testing.T, s *Store) {
	gone, stays := channel("gone"), channel("stays")
	byID, byName, sent, other := delivery(gone.ID, 1), delivery("gone", 2), delivery("gone", 3), delivery("stays", 4)
	sent.State = portvigil.DeliverySent
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.PutChannel(gone), tx.PutChannel(stays), tx.AddDelivery(byID), tx.AddDelivery(byName),
			tx.AddDelivery(sent), tx.AddDelivery(other))
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveChannel(gone.ID) })
	view(t, s, func(tx *Tx) error {
		queued, err := tx.QueuedDeliveries()
		same(t, queued, []portvigil.Delivery{other})
		kept, err2 := tx.Delivery(sent.ID)
		same(t, kept, sent)
		return errors.Join(err, err2)
	})
	if n := jobs(t, s, deliverKind); n != 2 {
		t.Errorf("got %d jobs, want those of the two deliveries that stay", n)
	}
}

func testDeliveries(t *testing.T, s *Store) {
	second, first := delivery("a", 2), delivery("a", 1)
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddDelivery(second), tx.AddDelivery(first)) })
	view(t, s, func(tx *Tx) error {
		queued, err := tx.QueuedDeliveries()
		same(t, queued, []portvigil.Delivery{first, second})
		return err
	})
	first.State, first.Sent, first.Attempts = portvigil.DeliverySent, at(3), 1
	update(t, s, func(tx *Tx) error { return tx.PutDelivery(first) })
	view(t, s, func(tx *Tx) error {
		queued, err := tx.QueuedDeliveries()
		same(t, queued, []portvigil.Delivery{second})
		got, err2 := tx.Delivery(first.ID)
		same(t, got, first)
		return errors.Join(err, err2)
	})
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.PutDelivery(delivery("a", 9)) }), portvigil.CodeNotFound)
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddDelivery(first) }), portvigil.CodeConflict)
}

func request(h portvigil.Host, minutes int) portvigil.LookRequest {
	return portvigil.LookRequest{ID: portvigil.NewID(), HostID: h.ID, View: portvigil.Outside, Ports: portvigil.PortsOf(22, 443),
		Reason: "asked", Due: at(minutes), State: portvigil.LookWanted, Run: "run"}
}

func testRequests(t *testing.T, s *Store) {
	a, b := addHost(t, s, "a"), addHost(t, s, "b")
	late, early, other := request(a, 3), request(a, 1), request(b, 2)
	early.Ports = nil
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddRequest(late), tx.AddRequest(early), tx.AddRequest(other))
	})
	early.State = portvigil.LookRunning
	other.State, other.Error = portvigil.LookFailed, "no answer"
	update(t, s, func(tx *Tx) error { return errors.Join(tx.PutRequest(early), tx.PutRequest(other)) })
	view(t, s, func(tx *Tx) error {
		all, err := tx.OpenRequests("")
		same(t, all, []portvigil.LookRequest{early, late})
		none, err2 := tx.OpenRequests(b.ID)
		same(t, none, []portvigil.LookRequest(nil))
		got, err3 := tx.Request(other.ID)
		same(t, got, other)
		return errors.Join(err, err2, err3)
	})
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.PutRequest(request(a, 1)) }), portvigil.CodeNotFound)
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddRequest(request(host("nobody"), 1)) }), portvigil.CodeNotFound)
}

func testRemoveHost(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	look, r := outsideLook(1, "192.0.2.1"), request(h, 1)
	alert := portvigil.Alert{ID: portvigil.NewID(), Host: "db1"}
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, look), tx.PutTrail(h.ID, &portvigil.Trail{Key: look.Key()}), tx.AddRequest(r), tx.PutAlert(alert))
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveHost(h.ID) })
	view(t, s, func(tx *Tx) error {
		there, err := tx.HasLook(look.ID)
		trails, err2 := tx.Trails(h.ID)
		_, gone := tx.Request(r.ID)
		is(t, gone, portvigil.CodeNotFound)
		alerts, err3 := tx.AlertsOfHost("db1")
		if there || len(trails) > 0 || len(alerts) != 1 {
			t.Errorf("got look %v, %d trails, %d alerts; want none, none and one", there, len(trails), len(alerts))
		}
		return errors.Join(err, err2, err3)
	})
	if n := jobs(t, s, lookKind); n != 0 {
		t.Errorf("got %d jobs, want none", n)
	}
}

func testDamagedRows(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	look, alert, d, r, c := outsideLook(1, "192.0.2.1"), portvigil.Alert{ID: portvigil.NewID()}, delivery("a", 1), request(h, 1), channel("a")
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, look), tx.PutTrail(h.ID, &portvigil.Trail{Key: look.Key()}), tx.PutAlert(alert),
			tx.AddDelivery(d), tx.AddRequest(r), tx.PutChannel(c), tx.AddAudit(portvigil.AuditEntry{ID: "x", Alert: "one"}),
			tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: "db1", Version: 1}),
			tx.PutScopeRule(portvigil.ScopeRule{Prefix: netip.MustParsePrefix("10.0.0.0/8")}))
	})
	reads := map[string]func(tx *Tx) error{
		"looks":       func(tx *Tx) error { _, err := tx.Looks(h.ID, look.Key()); return err },
		"trails":      func(tx *Tx) error { _, err := tx.Trails(h.ID); return err },
		"alerts":      func(tx *Tx) error { _, err := tx.Alerts(false); return err },
		"deliveries":  func(tx *Tx) error { _, err := tx.QueuedDeliveries(); return err },
		"requests":    func(tx *Tx) error { _, err := tx.OpenRequests(""); return err },
		"channels":    func(tx *Tx) error { _, err := tx.Channels(); return err },
		"audit":       func(tx *Tx) error { _, err := tx.Audit("one"); return err },
		"baselines":   func(tx *Tx) error { _, err := tx.Baselines(); return err },
		"scope_rules": func(tx *Tx) error { _, err := tx.Scope(); return err },
		"hosts":       func(tx *Tx) error { _, err := tx.Hosts(); return err },
	}
	for _, body := range []string{"", "{", `{"ports":"99999","key":1,"id":7,"text":7,"name":7,"prefix":7}`, "[]", "\x00\xff"} {
		for table, read := range reads {
			err := s.Update(t.Context(), func(tx *Tx) error {
				if _, err := tx.exec(`UPDATE `+table+` SET body = ?`, body); err != nil {
					return err
				}
				return undone(read(tx))
			})
			is(t, err, portvigil.CodeInternal)
			if err == nil || !strings.Contains(err.Error(), table) {
				t.Errorf("body %q: got %v, want table %s named", body, err, table)
			}
		}
	}
	err := s.Update(t.Context(), func(tx *Tx) error {
		if _, err := tx.exec(`UPDATE channels SET secret = X'00'`); err != nil {
			return err
		}
		return undone(reads["channels"](tx))
	})
	if err == nil || !strings.Contains(err.Error(), c.ID) {
		t.Errorf("got %v, want channel %s named", err, c.ID)
	}
}

func testViewIsReadOnly(t *testing.T, s *Store) {
	if err := s.View(t.Context(), func(tx *Tx) error { return tx.PutHost(host("a")) }); err == nil {
		t.Error("a view wrote")
	}
}

func testEmpty(t *testing.T, s *Store) {
	view(t, s, func(tx *Tx) error {
		var errs []error
		hosts, err := tx.Hosts()
		errs = append(errs, err)
		looks, err := tx.LooksOfRun("none")
		errs = append(errs, err)
		value, err := tx.Setting("none")
		errs = append(errs, err)
		if len(hosts)+len(looks)+len(value) > 0 {
			t.Errorf("got %v, %v, %q", hosts, looks, value)
		}
		for _, find := range []func() error{
			func() error { _, err := tx.Delivery("none"); return err },
			func() error { _, err := tx.Request("none"); return err },
			func() error { _, err := tx.Channel("none"); return err },
			func() error { _, err := tx.Baseline("host", "none"); return err },
		} {
			is(t, find(), portvigil.CodeNotFound)
		}
		return errors.Join(errs...)
	})
}
