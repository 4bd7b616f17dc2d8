package lab

import (
	"net"
	"testing"
	"time"
)

// every makes arrivals, so many a second for a while, one phase after the other.
func every(phases ...[2]int) (a Arrivals) {
	now := time.Duration(0)
	for _, p := range phases {
		perSecond, seconds := p[0], p[1]
		for range perSecond * seconds {
			a.at = append(a.at, now)
			now += time.Second / time.Duration(perSecond)
		}
	}
	return a
}

func TestArrivalsAreCountedInEverySecond(t *testing.T) {
	t.Parallel()
	if most := every([2]int{100, 2}, [2]int{1000, 1}, [2]int{100, 2}).Most(); most < 1000 || most > 1001 {
		t.Errorf("at most %d in a second, want the thousand between two hundreds", most)
	}
	if most := (Arrivals{}).Most(); most != 0 {
		t.Errorf("of none, %d in a second", most)
	}
}

func TestALimiterIsRespectedFromTheFirstSecondThatKeepsToIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		came        Arrivals
		least, most time.Duration
		ok          bool
	}{
		{"never exceeded", every([2]int{900, 5}), 0, 0, true},
		{"a tenth more is as good", every([2]int{1090, 5}), 0, 0, true},
		{"exceeded for two seconds", every([2]int{500, 1}, [2]int{2500, 2}, [2]int{900, 5}), 1500 * time.Millisecond, 3 * time.Second, true},
		{"exceeded all along", every([2]int{2500, 5}), 0, 0, false},
		{"none", Arrivals{}, 0, 0, true},
	} {
		if after, ok := c.came.Respected(1000); ok != c.ok || after < c.least || after > c.most {
			t.Errorf("%s: after %v, %v", c.name, after, ok)
		}
	}
}

func TestSYNAreCountedWhereTheyArrive(t *testing.T) {
	t.Parallel()
	p := New(t).Path(t, DefaultDrop())
	count := p.CountSYN(t, p.Target.IP4)
	for range 5 {
		conn, err := p.Scanner.Dial(t.Context(), "tcp", p.Target.Addr(443))
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if conn, err := p.Scanner.Dial(t.Context(), "tcp", net.JoinHostPort(p.Target.IP6.String(), "443")); err == nil {
			conn.Close()
		}
	}
	if came := count(); came.Total() != 5 || came.Most() != 5 || came.Missed != 0 {
		t.Errorf("%d came, %d in a second, %d were missed", came.Total(), came.Most(), came.Missed)
	}
}
