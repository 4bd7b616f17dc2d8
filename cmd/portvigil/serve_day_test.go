package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
	"github.com/portvigil/portvigil/scan"
	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/watch"
)

// dayHosts is how many hosts live in TestADayOfAFleet; make bench-fleet asks for 500.
var dayHosts = flag.Int("day-hosts", 10, "how many hosts are watched for the test's day")

// What is asked of the plan of a fleet's day.
const (
	dayGrowthWanted = 20 << 10 // bytes that a host adds to the database when nothing changes
	dayLooksAtOnce  = 8        // of the schedule
	dayLooksAtANet  = 2
)

// lookTakes is how long a look at all ports takes at 2,500 of them a second.
const lookTakes = 27 * time.Second

// datagramsTake is how long one at the UDP ports takes: three times, a second apart.
const datagramsTake = 4 * time.Second

// looked is one look that the fleet's vantage made.
type looked struct {
	host    string
	network netip.Prefix
	began   time.Time
	ended   time.Time
}

// quietFleet is hosts as they would answer: a vantage that takes its time.
type quietFleet struct {
	begun time.Time // when the first day did

	mu    sync.Mutex
	looks []looked // guarded by mu
}

func (f *quietFleet) Resolve(_ context.Context, target string) ([]netip.Addr, error) {
	a, err := netip.ParseAddr(target)
	return []netip.Addr{a}, err
}

func (f *quietFleet) ParsePorts(spec string) (portvigil.PortSpec, error) {
	return scan.ParsePorts(spec)
}

// Look finds the same doors as ever. What the web server says has the date in it.
func (f *quietFleet) Look(ctx context.Context, t watch.OutsideTarget, _ func(portvigil.LookProgress)) (*portvigil.Look, error) {
	began, takes := time.Now(), lookTakes
	if t.Proto == portvigil.UDP {
		takes = datagramsTake
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := time.Now()
	if t.Proto == portvigil.UDP {
		return silence(t, began, now), nil
	}
	network, err := t.Address.Prefix(24)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.looks = append(f.looks, looked{t.Host.Name, network, began, now})
	f.mu.Unlock()
	l := &portvigil.Look{ID: portvigil.NewID(), Run: t.Run, Host: t.Host.Name, View: portvigil.Outside, Vantage: "local", Reach: portvigil.ReachInternal,
		Address: t.Address, Proto: portvigil.TCP, Ports: portvigil.AllPorts(), Method: portvigil.MethodConnect,
		Started: began.UTC(), Ended: now.UTC(), Complete: true, Probes: 65_541, DefaultState: portvigil.StateClosed}
	for n := range 20 {
		s := &portvigil.Service{Name: "http", Product: "nginx", Version: "1.22.1", CPE: []string{"cpe:2.3:a:f5:nginx:1.22.1:*:*:*:*:*:*:*"}, Connected: true,
			Confidence: 90, Banner: []byte("HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: " + now.UTC().Format(time.RFC1123) + "\r\n\r\n" + strings.Repeat("<p>Welcome</p>\n", 20))}
		l.Observations = append(l.Observations, portvigil.Observation{Port: uint16(22 + 97*n), State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck, Service: s})
	}
	return l, nil
}

// silence is a look at UDP ports of which eight say that they are closed, other ones
// each time: hosts send few errors.
func silence(t watch.OutsideTarget, began, ended time.Time) *portvigil.Look {
	l := &portvigil.Look{ID: portvigil.NewID(), Run: t.Run, Host: t.Host.Name, View: portvigil.Outside, Vantage: "local", Reach: portvigil.ReachInternal,
		Address: t.Address, Proto: portvigil.UDP, Ports: t.Ports, Method: portvigil.MethodUDP,
		Started: began.UTC(), Ended: ended.UTC(), Complete: true, Probes: 285, DefaultState: portvigil.StateOpenFiltered,
		Notes: []string{"icmp-limited: the host sends few errors about closed ports, so 92 silent ones may be closed, too"}}
	n := 0
	for port := range t.Ports.All() {
		if n++; n%12 == ended.YearDay()%12 {
			l.Observations = append(l.Observations, portvigil.Observation{Port: port, State: portvigil.StateClosed, Reason: portvigil.ReasonPortUnreachable})
		}
	}
	return l
}

// TestADayOfAFleet: over the day no minute has much more than its share of the
// hosts' looks, and no network more than two at a time, also where all hosts are
// new at once.
func TestADayOfAFleet(t *testing.T) {
	t.Parallel()
	f := &quietFleet{}
	live(t, f, *dayHosts, false)
	f.judge(t, *dayHosts)
}

// TestAQuietDayOfAFleet: of hosts in which nothing changes little is kept, though
// each is reported from inside every hour. A tenth of the fleet shows it.
func TestAQuietDayOfAFleet(t *testing.T) {
	t.Parallel()
	hosts := max(5, *dayHosts/10)
	grown := live(t, &quietFleet{}, hosts, true) / int64(hosts)
	t.Logf("database of %d hosts: %d bytes a host and day (wanted: <= %d)", hosts, grown, dayGrowthWanted)
	if grown > dayGrowthWanted || grown <= 0 {
		t.Errorf("a host adds %d bytes a day", grown)
	}
}

// live lives through two days of many hosts by a clock of its own, with the server's
// own engine and database; what looks is made up, and who calls the engine when a
// look is due. The first day begins with a first look at every host; by how many
// bytes the database grows in the second is returned. The jobs of the looks are
// among them, which a server removes after an hour.
func live(t *testing.T, f *quietFleet, hosts int, reported bool) (grown int64) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s, err := store.Open(ctx, dir, store.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		e := watch.New(ground{s}, f, post{notify.Options{}}, watch.Options{Vantage: "local"})
		var work sync.WaitGroup
		defer func() {
			stop()
			work.Wait()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}()
		for n := range hosts {
			address := netip.AddrFrom4([4]byte{10, 88, byte(n % 5), byte(n/5 + 1)})
			if _, err := e.AddHost(ctx, "test", portvigil.Host{Name: fmt.Sprintf("web%d", n+1), Targets: []string{address.String()}}); err != nil {
				t.Fatal(err)
			}
		}
		f.begun = time.Now()
		work.Go(func() {
			if err := e.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		work.Go(func() { makeLooks(ctx, t, s, e) })
		size := func() int64 {
			n, err := s.Size(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		for hour := range 48 {
			if hour == 24 {
				grown = -size()
			}
			if reported && hour >= 22 { // two make what the others are held against
				report(t, e, hosts)
			}
			time.Sleep(time.Hour) // of the test's own clock
		}
		grown += size()
	})
	return grown
}

// makeLooks stands in for the queue, which asks the database every second for work
// and would take minutes to do so for two days: it has each look that is wanted
// made when it is due.
func makeLooks(ctx context.Context, t *testing.T, s *store.Store, e *watch.Engine) {
	var looks sync.WaitGroup
	defer looks.Wait()
	begun := map[string]bool{}
	for minute := time.NewTicker(time.Minute); ; {
		var open []portvigil.LookRequest
		if err := s.View(ctx, func(tx *store.Tx) (err error) { open, err = tx.OpenRequests(""); return err }); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		for _, r := range open {
			wait := time.Until(r.Due)
			if begun[r.ID] || wait > time.Minute {
				continue
			}
			begun[r.ID] = true
			looks.Go(func() {
				select {
				case <-ctx.Done():
				case <-time.After(wait):
					if err := e.MakeLook(ctx, r.ID); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		select {
		case <-ctx.Done():
			minute.Stop()
			return
		case <-minute.C:
		}
	}
}

// report hands in what each host sees of itself.
func report(t *testing.T, e *watch.Engine, hosts int) {
	t.Helper()
	now := time.Now().UTC()
	for n := range hosts {
		l := &portvigil.Look{ID: portvigil.NewID(), Run: portvigil.NewID(), Host: fmt.Sprintf("web%d", n+1), View: portvigil.Inside, Method: portvigil.MethodSockDiag,
			Started: now.Add(-time.Second), Ended: now, Complete: true, Covers: []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners, portvigil.CoversPackages}}
		for d := range 20 {
			name := fmt.Sprintf("daemon-%02d", d)
			l.Listeners = append(l.Listeners, portvigil.Listener{Proto: portvigil.TCP, Address: netip.IPv6Unspecified(), Port: uint16(22 + 97*d), Scope: portvigil.ScopeAny,
				Process: &portvigil.Process{PID: 700 + d, Exe: "/usr/sbin/" + name, User: "_" + name, Unit: name + ".service", Started: now.Truncate(48 * time.Hour)}})
		}
		var text bytes.Buffer
		records := json.NewEncoder(&text)
		for _, r := range l.Listeners {
			if err := records.Encode(portvigil.ListenerRecord{Type: "listener", Time: now, Listener: r}); err != nil {
				t.Fatal(err)
			}
		}
		if err := records.Encode(portvigil.RecordOfLook(l)); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Report(t.Context(), l.Host, &text); err != nil {
			t.Fatal(err)
		}
	}
}

// judge holds the looks of both days against the plan: the first, in which all hosts
// are new, and the second, in which each has its own moment.
func (f *quietFleet) judge(t *testing.T, hosts int) {
	t.Helper()
	for day, what := range []string{"the first day", "a day"} {
		from := f.begun.Add(time.Duration(day) * 24 * time.Hour)
		var of []looked
		minutes, hourly, each := make([]int, 24*60), make([]int, 24), map[string]int{}
		for _, l := range f.looks {
			at := l.began.Sub(from)
			if at < 0 || at >= 24*time.Hour {
				continue
			}
			of = append(of, l)
			minutes[int(at/time.Minute)]++
			hourly[int(at/time.Hour)]++
			each[l.host]++
		}
		most := mostAtOnce(of, func(looked) string { return "" })
		atANet := mostAtOnce(of, func(l looked) string { return l.network.String() })
		t.Logf("%s: %d looks at %d hosts; at once at most %d, at one network %d; begun in a minute at most %d (mean %.2f), in an hour %d to %d (mean %.1f)",
			what, len(of), len(each), most, atANet, slices.Max(minutes), float64(len(of))/(24*60), slices.Min(hourly), slices.Max(hourly), float64(len(of))/24)
		if most > dayLooksAtOnce || atANet > dayLooksAtANet {
			t.Errorf("%s: %d looks at once, %d at one network", what, most, atANet)
		}
		if len(each) != hosts || day > 0 && len(of) != hosts {
			t.Errorf("%s: %d looks at %d of %d hosts", what, len(of), len(each), hosts)
		}
	}
}

// mostAtOnce is how many looks that share something were under way at a time.
func mostAtOnce(looks []looked, shared func(looked) string) (most int) {
	for _, l := range looks {
		n := 0
		for _, o := range looks {
			if shared(o) == shared(l) && !o.began.After(l.began) && o.ended.After(l.began) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
