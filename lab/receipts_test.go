package lab_test

import (
	"context"
	"encoding/hex"
	"testing"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// TestWhatArrivesOfAScanIsCounted: who has the key counts every packet of the scan that
// arrives, whatever becomes of it there, and nobody else's.
func TestWhatArrivesOfAScanIsCounted(t *testing.T) {
	t.Parallel()
	bin := lab.Build(t)
	l := lab.New(t)
	scanner, target := l.Host("scanner"), l.Host("target")
	target.ListenTCP(t, target.Addr(2022))
	target.Firewall(t, "table inet t { chain in { type filter hook input priority 0; tcp dport 1-500 tcp flags & (syn|ack) == syn drop; }; }")
	key, otherKey := [16]byte{1, 2, 3, 15: 255}, [16]byte{1, 2, 3}
	count := target.CountReceipts(t, target.IP4, key)
	look := func(args ...string) *portvigil.Look {
		t.Helper()
		args = append([]string{"scan", target.IP4.String(), "-p", "1-3000", "--json", "--no-detect", "--host-rate", "unlimited"}, args...)
		p := scanner.Start(t, bin, args...)
		if err := p.Err(); err != nil {
			t.Fatalf("%v\n%s", err, p.Output())
		}
		return lookIn(t, p.Output())
	}
	marked := look("--mark", hex.EncodeToString(key[:]))
	other := look("--mark", hex.EncodeToString(otherKey[:]))
	connection, err := scanner.Dial(context.Background(), "tcp", target.Addr(2022))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	got := count()
	if got.Arrived != marked.Probes || len(got.Ports) != 3000 || got.Foreign != other.Probes+1 {
		t.Errorf("%d packets to %d ports arrived, %d were sent to 3000; %d of others, want %d", got.Arrived, len(got.Ports), marked.Probes, got.Foreign, other.Probes+1)
	}
	if answered := marked.Count(portvigil.StateOpen) + marked.Count(portvigil.StateClosed); answered != 2500 {
		t.Errorf("%d ports answered", answered)
	}
}
