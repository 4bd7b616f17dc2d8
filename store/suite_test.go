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
func suite(t *testing.T, db database) {
	for name, test := range map[string]func(*testing.T, *Store){
		"a host is found by name and id until it is removed":      testHosts,
		"a scope rule replaces the one for the same network":      testScope,
		"what an update that fails did leaves no trace":           testRollback,
		"readers see whole transactions while others write":       testReaders,
		"updates in company fail alone":                           testUpdatesInCompany,
		"who waits to write can give up":                          testWaitingIsGivenUp,
		"sequence numbers only rise, also over failed updates":    testSeq,
		"looks come back as they went, in order":                  testLooks,
		"any look comes back exactly":                             testLookRoundTrip,
		"what looks of a view saw is stored once":                 testSightsAreShared,
		"looks that saw nearly the same come back exactly":        testNearlyTheSame,
		"looks of before there were sights come back exactly":     testLooksWithoutSight,
		"a damaged sight is named":                                testDamagedSights,
		"a past that is rolled up answers as before":              testRollUp,
		"it is rolled up once a day":                              testRetain,
		"any trail comes back exactly":                            testTrailRoundTrip,
		"any alert comes back exactly, memory included":           testAlertRoundTrip,
		"trails are ordered, replaced and removed":                testTrails,
		"intervals are what all looks say, in any order":          testHistory,
		"what was reachable when is one query":                    testPast,
		"looks of before there were intervals get theirs":         testHistoryFill,
		"an alert is found by its id, or a unique part of it":     testAlertID,
		"alerts are listed open or all, and by host":              testAlertLists,
		"a page of alerts is what the filter says":                testAlertPages,
		"a page of what was done is what the filter says":         testActs,
		"the past of a host is bounded":                           testPastBetween,
		"the story of an alert is told in order":                  testAudit,
		"a baseline takes the next version and no other":          testBaselines,
		"a review is resumed until it is signed":                  testReviews,
		"a door was last open when a look last saw it so":         testLastOpen,
		"a channel keeps its secret, sealed in its row":           testChannels,
		"a removed channel takes what is queued for it":           testRemoveChannel,
		"a user is changed in the next version and no other":      testUsers,
		"a second factor is sealed, and its codes taken once":     testFactor,
		"a code that many take at a time is one's":                testCodeRace,
		"a token is found by the hash of its secret":              testTokens,
		"deliveries are queued until they are sent":               testDeliveries,
		"requests are open while wanted or running":               testRequests,
		"a removed host takes its looks and leaves its alerts":    testRemoveHost,
		"a damaged row is named and nothing panics":               testDamagedRows,
		"what a view writes is refused":                           testViewIsReadOnly,
		"an empty store has nothing, and says so without failing": testEmpty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, db.open(t, Options{}))
		})
	}
	for name, test := range map[string]func(*testing.T, database){
		"rolling up removes what is old and unnamed": testRollUpRemoves,
		"a roll-up that is cut off goes on":          testRollUpCutOff,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, db)
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
			if err != reason {
				t.Errorf("got %v, want %v as it was returned", err, reason)
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
		run, err4 := tx.LooksOfRun(h.ID, "run")
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

func testDamagedRows(t *testing.T, s *Store) {
	h := addHost(t, s, "db1")
	look, alert, d, r, c := outsideLook(1, "192.0.2.1"), portvigil.Alert{ID: portvigil.NewID()}, delivery("a", 1), request(h, 1), channel("a")
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.AddLook(h.ID, look), tx.PutTrail(h.ID, &portvigil.Trail{Key: look.Key()}), tx.PutAlert(alert),
			tx.AddDelivery(d), tx.AddRequest(r), tx.PutChannel(c), tx.AddAudit(portvigil.AuditEntry{ID: "x", Alert: "one"}),
			tx.AddBaseline(portvigil.BaselineVersion{Kind: "host", Name: "db1", Version: 1}),
			tx.PutReview(portvigil.Review{ID: "r"}), tx.PutScopeRule(portvigil.ScopeRule{Prefix: netip.MustParsePrefix("10.0.0.0/8")}))
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
		"reviews":     func(tx *Tx) error { _, err := tx.Reviews(); return err },
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
		if _, err := tx.exec(`UPDATE channels SET secret = ?`, []byte{0}); err != nil {
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
		looks, err := tx.LooksOfRun("none", "none")
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
