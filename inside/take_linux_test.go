package inside

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portvigil/portvigil"
)

// ignoreStart leaves out what differs from run to run.
var ignoreStart = cmpopts.IgnoreFields(portvigil.Process{}, "Started", "Unit", "Container")

func interfaceIndex(t *testing.T, name string) string {
	t.Helper()
	i, err := net.InterfaceByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(i.Index)
}

// listenerOf takes a look and returns the TCP listener at the port.
func listenerOf(t *testing.T, port uint16) portvigil.Listener {
	t.Helper()
	look, err := Take(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(look.Listeners, func(l portvigil.Listener) bool {
		return l.Proto == portvigil.TCP && l.Port == port
	})
	if i < 0 {
		t.Fatalf("no listener at %d/tcp in %v", port, look.Listeners)
	}
	return look.Listeners[i]
}

func ownerOf(t *testing.T, port uint16) *portvigil.Process {
	t.Helper()
	l := listenerOf(t, port)
	if l.Process == nil {
		t.Fatalf("%d/tcp has no owner: %s", port, l.ProcessUnknown)
	}
	return l.Process
}

func TestAListenerOfOurOwnIsSeenComingAndGoing(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", ":0"} {
		door, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		port := uint16(door.Addr().(*net.TCPAddr).Port)
		got := ownerOf(t, port)
		exe, err := os.Readlink("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		if got.PID != os.Getpid() || got.Exe != exe || got.Deleted {
			t.Errorf("owner of %s is %+v, wanted process %d of %s", address, got, os.Getpid(), exe)
		}
		if age := time.Since(got.Started); age < -2*time.Second || age > time.Hour {
			t.Errorf("started %s, %s ago", got.Started, age)
		}
		door.Close()
		look, err := Take(context.Background(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(look.Listeners, func(l portvigil.Listener) bool { return l.Proto == portvigil.TCP && l.Port == port }) {
			t.Errorf("%s is closed and still listed", address)
		}
	}
}

func TestADualStackListenerIsToldFromAnIPv6OnlyOne(t *testing.T) {
	for network, v6only := range map[string]bool{"tcp": false, "tcp6": true} {
		door, err := net.Listen(network, "[::]:0")
		if err != nil {
			t.Fatal(err)
		}
		defer door.Close()
		l := listenerOf(t, uint16(door.Addr().(*net.TCPAddr).Port))
		if l.V6Only != v6only || l.Scope != portvigil.ScopeAny || !l.Address.Is6() {
			t.Errorf("%s: %+v, wanted v6only %v", network, l, v6only)
		}
	}
}

func TestUDPIsAListenerUntilItIsConnected(t *testing.T) {
	bound, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer bound.Close()
	connected, err := net.Dial("udp4", bound.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connected.Close()
	look, err := Take(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	listed := func(a net.Addr) bool {
		return slices.ContainsFunc(look.Listeners, func(l portvigil.Listener) bool {
			return l.Proto == portvigil.UDP && int(l.Port) == a.(*net.UDPAddr).Port && l.Address.IsLoopback()
		})
	}
	if !listed(bound.LocalAddr()) || listed(connected.LocalAddr()) {
		t.Errorf("bound is listed %v, connected %v; wanted true and false", listed(bound.LocalAddr()), listed(connected.LocalAddr()))
	}
}

func TestALookCarriesWhatItWasToldAndWhenItWasTaken(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	look, err := Take(context.Background(), Options{Host: "db1", Run: "r1", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	want := &portvigil.Look{
		Host: "db1", Run: "r1", View: portvigil.Inside, Method: portvigil.MethodSockDiag,
		Started: now, Ended: now, Complete: true,
	}
	if diff := cmp.Diff(want, look, cmpopts.EquateComparable(want.Address),
		cmpopts.IgnoreFields(portvigil.Look{}, "ID", "Covers", "Listeners", "Notes", "Boot")); diff != "" {
		t.Errorf("look (-want +got):\n%s", diff)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		t.Fatal(err)
	}
	if look.Boot == nil || look.Boot.ID != strings.TrimSpace(string(boot)) || !look.Boot.Time.Before(time.Now()) {
		t.Errorf("look of boot %+v, want that of %s", look.Boot, boot)
	}
	if look.ID == "" || !look.CoversAll(portvigil.CoversSockets) {
		t.Errorf("look %q covers %v", look.ID, look.Covers)
	}
}

func TestAKernelThatListsNothingIsUnavailable(t *testing.T) {
	_, err := Take(context.Background(), Options{Sockets: func(context.Context) ([]Socket, error) {
		return nil, errors.New("operation not supported")
	}})
	if portvigil.ErrorCode(err) != portvigil.CodeUnavailable || !strings.Contains(err.Error(), "operation not supported") {
		t.Errorf("error is %v", err)
	}
}

func TestACancelledLookIsNone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Take(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
