package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

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
	return portvigil.LookRequest{ID: portvigil.NewID(), HostID: h.ID, View: portvigil.Outside, Ports: &portvigil.PortSpec{TCP: portvigil.PortsOf(22, 443), UDP: portvigil.PortsOf(53)},
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
