package store

import (
	"errors"
	flags "flag" // the room has a flag of its own
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// growthWanted is what a host in which nothing changes may add to the database a
// day, in bytes.
const growthWanted = 20 << 10

// quietHost is a server in which nothing changes: it is looked at from inside every
// hour, at all its ports from outside once a day, and at single doors at times.
type quietHost struct {
	portvigil.Host
	seq uint64
	few bool // of its listeners are seen: each costs a test time, as it has an interval
}

// growthDoors are those open from outside.
var growthDoors = []uint16{22, 25, 80, 443, 5432}

func (h *quietHost) insideLook(received time.Time) *portvigil.Look {
	h.seq++
	l := &portvigil.Look{ID: portvigil.NewID(), Run: portvigil.NewID(), Host: h.Name, View: portvigil.Inside, Method: portvigil.MethodSockDiag,
		Seq: h.seq, Started: received.Add(-312 * time.Millisecond), Ended: received.Add(-5 * time.Millisecond), Received: received, Complete: true,
		Covers: []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners, portvigil.CoversPackages, portvigil.CoversNamespaces},
		Boot:   &portvigil.Boot{ID: "8c1f1f0e-5b0b-4c9b-9d8b-2b1f7a3f7c55", Time: at(-1000)}}
	for n := range 25 {
		name := fmt.Sprintf("daemon-%02d", n)
		l.Listeners = append(l.Listeners, portvigil.Listener{Proto: portvigil.TCP, Address: netip.MustParseAddr([]string{"0.0.0.0", "::", "127.0.0.1"}[n%3]),
			Port: uint16(22 + 131*n), Scope: portvigil.ScopeAny, Process: &portvigil.Process{PID: 700 + 17*n, Exe: "/usr/lib/" + name + "/sbin/" + name,
				User: "_" + name, Started: at(n - 900), Unit: name + ".service",
				Package: &portvigil.Package{Distro: "debian", Release: "bookworm", Name: name + "-server", Source: name, Version: fmt.Sprintf("1:%d.2p1-2+deb12u3", n)}}})
	}
	if h.few {
		l.Listeners = l.Listeners[:2]
	}
	return l
}

// outsideLook is one at the ports given, or at all. Every answer of the web server
// differs by its date, as does how many probes were lost.
func (h *quietHost) outsideLook(received time.Time, ports ...uint16) *portvigil.Look {
	h.seq++
	l := &portvigil.Look{ID: portvigil.NewID(), Run: portvigil.NewID(), Host: h.Name, View: portvigil.Outside, Vantage: "local",
		Reach: portvigil.ReachInternal, Address: h.Addresses[0].Address, Proto: portvigil.TCP, Ports: portvigil.AllPorts(), Method: portvigil.MethodSYN,
		Seq: h.seq, Started: received.Add(-90 * time.Second), Ended: received.Add(-3 * time.Second), Received: received, Complete: true,
		MissProbability: new(9e-7 + float64(h.seq)/1e12), Loss: &portvigil.Loss{Estimate: float64(h.seq%7) / 3050, Bound: 0.001234, Samples: 3050},
		Probes: 134_120 + int(h.seq%100), DefaultState: portvigil.StateFiltered}
	if ports == nil {
		ports = growthDoors
	} else {
		l.Ports = portvigil.PortsOf(ports...)
	}
	for _, port := range ports {
		date := received.Format("Mon, 02 Jan 2006 15:04:05 GMT")
		s := &portvigil.Service{Name: "http", Product: "nginx", Version: "1.22.1", CPE: []string{"cpe:2.3:a:f5:nginx:1.22.1:*:*:*:*:*:*:*"},
			TLS: port == 443, Title: "Welcome", Confidence: 90, Connected: true,
			Banner: []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: " + date + "\r\nContent-Type: text/html\r\n\r\n" + strings.Repeat("<p>Welcome to the shop</p>\n", 30))}
		if s.TLS {
			s.Certificate = &portvigil.Certificate{SHA256: strings.Repeat("0123456789abcdef", 4), Subject: "CN=shop.example.org", Issuer: "CN=R3,O=Let's Encrypt,C=US",
				Names: []string{"shop.example.org", "www.shop.example.org"}, NotBefore: at(-5000), NotAfter: at(90_000)}
		}
		l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck, Service: s})
	}
	return l
}

// day stores all that a day of the host leaves, as the engine does.
func (h *quietHost) day(tx *Tx, begin time.Time) error {
	var errs []error
	for hour := range 24 {
		now := begin.Add(time.Duration(hour)*time.Hour + time.Duration(h.seq%60)*time.Second)
		errs = append(errs, h.look(tx, h.insideLook(now), nil))
		switch {
		case hour == 3:
			errs = append(errs, h.look(tx, h.outsideLook(now), nil))
		case hour%8 == 5: // three times a day somebody asks for one door
			errs = append(errs, h.look(tx, h.outsideLook(now, 443), &portvigil.PortSpec{TCP: portvigil.PortsOf(443)}))
		}
	}
	// A finished job goes after an hour: it is no part of what stays.
	_, err := tx.exec(`DELETE FROM river_job`)
	return errors.Join(append(errs, err)...)
}

// look stores a look with the request for it, and the trail that follows from it.
func (h *quietHost) look(tx *Tx, l *portvigil.Look, ports *portvigil.PortSpec) error {
	r := portvigil.LookRequest{ID: portvigil.NewID(), HostID: h.ID, View: l.View, Ports: ports, Reason: "schedule", Due: l.Received.Add(-time.Minute),
		State: portvigil.LookWanted, Run: l.Run}
	running, done := r, r
	running.State, running.Leased = portvigil.LookRunning, l.Received.Add(time.Hour)
	done.State, done.Done = portvigil.LookDone, l.Received
	trails, err := tx.Trails(h.ID)
	if err != nil {
		return err
	}
	trail := &portvigil.Trail{Key: l.Key()}
	for n := range trails {
		if trails[n].Key == l.Key() {
			trail = &trails[n]
		}
	}
	trail.Add(l)
	return errors.Join(tx.AddRequest(r), tx.PutRequest(running), tx.AddLook(h.ID, l), tx.PutTrail(h.ID, trail), tx.PutRequest(done))
}

// growthDays is how many days TestGrowth lives through; make bench-growth asks for
// 60.
var growthDays = flags.Int("growth-days", 3, "how many days a host is watched to see how the database grows")

// testGrowth measures what a host adds to the database a day when nothing changes.
func testGrowth(t *testing.T, s *Store, sizes func(t *testing.T, s *Store) map[string]int64) {
	const hosts, warm = 2, 2
	days := *growthDays
	var all []*quietHost
	for n := range hosts {
		h := host(fmt.Sprintf("web%d", n))
		h.Addresses[0].Address = netip.AddrFrom4([4]byte{192, 0, 2, byte(n + 1)})
		update(t, s, func(tx *Tx) error { return tx.PutHost(h) })
		all = append(all, &quietHost{Host: h})
	}
	live := func(day int) map[string]int64 {
		for _, h := range all {
			update(t, s, func(tx *Tx) error { return h.day(tx, at(24*60*day)) })
		}
		return sizes(t, s)
	}
	var before, after map[string]int64
	for day := range warm {
		before = live(day)
	}
	for day := range days {
		after = live(warm + day)
	}
	total, requests := int64(0), int64(0)
	for _, table := range slices.Sorted(maps.Keys(after)) {
		grown := (after[table] - before[table]) / int64(hosts*days)
		total += grown
		if strings.Contains(table, "requests") {
			requests += grown
		}
		t.Logf("%s: %6d bytes a host and day in %s", s.engine.kind(), grown, table)
	}
	t.Logf("%s: %6d bytes a host and day in all, %d of them for a week", s.engine.kind(), total, requests)
	if stays := total - requests; stays > growthWanted {
		t.Errorf("got %d bytes a host and day that stay, want at most %d", stays, growthWanted)
	}
}

func TestGrowthOfSQLite(t *testing.T) {
	t.Parallel()
	testGrowth(t, openIn(t, t.TempDir()), func(t *testing.T, s *Store) map[string]int64 {
		return sizesOf(t, s, `SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d JOIN sqlite_schema m ON m.name = d.name
			WHERE m.tbl_name NOT LIKE 'river%' GROUP BY m.tbl_name`)
	})
}

func testGrowthOfPostgreSQL(t *testing.T, server *lab.Postgres, template string) {
	t.Parallel()
	url := server.Database(t, template)
	testGrowth(t, openWith(t, t.TempDir(), Options{Database: url}), func(t *testing.T, s *Store) map[string]int64 {
		server.SQL(t, nameIn(t, url), "VACUUM") // what autovacuum does in the course of a day
		return sizesOf(t, s, `SELECT relname::text, pg_total_relation_size(oid) FROM pg_class
			WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'river%'`)
	})
}

// sizesOf reads the bytes of each table or index.
func sizesOf(t *testing.T, s *Store, query string) map[string]int64 {
	t.Helper()
	rows, err := s.readers.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	sizes := map[string]int64{}
	for rows.Next() {
		var name string
		var size int64
		if err := rows.Scan(&name, &size); err != nil {
			t.Fatal(err)
		}
		sizes[name] = size
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return sizes
}
