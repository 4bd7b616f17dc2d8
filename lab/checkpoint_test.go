package lab_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// askedRules drop SYN to some ports and reset the others, and count how often each
// port was asked.
const askedRules = `table inet asked {
  set ports { type inet_service; size 65536; flags dynamic; }
  chain in { type filter hook input priority 0;
    tcp flags & (syn|ack) == syn update @ports { tcp dport counter }
    tcp flags & (syn|ack) == syn tcp dport 1-1000 drop
  }
}`

// TestAKilledScanGoesOnWhereItWas: a scan that is killed over and over ends complete,
// and asks no port again that has answered, but for the doors that vouch for the way
// and what was on its way when it was killed.
func TestAKilledScanGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	const kills = 3
	for _, method := range []string{"syn", "connect"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			bin := lab.Build(t)
			l := lab.New(t)
			scanner, target := l.Host("scanner"), l.Host("target")
			target.ListenTCP(t, target.Addr(2022))
			target.ListenTCP(t, target.Addr(7000))
			target.Firewall(t, askedRules)
			file := filepath.Join(t.TempDir(), "scan")
			begin := func() *lab.Process {
				return scanner.Start(t, bin, "scan", target.IP4.String(), "-p", "1-9000", "--json", "--no-detect", "--method", method, "--checkpoint", file)
			}
			killed := 0
			for range kills {
				p := begin()
				select {
				case <-p.Done():
				case <-time.After(300*time.Millisecond + rand.N(700*time.Millisecond)):
					p.Signal(syscall.SIGKILL)
					if p.ExitedBy() == syscall.SIGKILL {
						killed++
					}
				}
			}
			if killed != kills {
				t.Fatalf("%d of %d scans were killed: they ended too soon to tell anything", killed, kills)
			}
			p := begin()
			if err := p.Err(); err != nil {
				t.Fatalf("%v\n%s", err, p.Output())
			}
			look := lookIn(t, p.Output())
			if !look.Complete || look.Count(portvigil.StateOpen) != 2 || look.Count(portvigil.StateFiltered) != 1000 || look.Count(portvigil.StateClosed) != 7998 {
				t.Errorf("complete %v, %d open, %d filtered, %d closed; notes %q", look.Complete, look.Count(portvigil.StateOpen),
					look.Count(portvigil.StateFiltered), look.Count(portvigil.StateClosed), look.Notes)
			}
			again := 0
			for port, times := range askedPorts(t, target) {
				if port > 1000 && times > 1 {
					again++
				}
			}
			// Of each run, eight doors of each of three kinds may vouch, and what was on its way
			// when it was killed may be asked again.
			if most := (kills+1)*3*8 + kills*20; again > most {
				t.Errorf("%d ports that answer were asked more than once, want at most %d", again, most)
			}
			t.Logf("%d of 8000 ports that answer were asked more than once", again)
			if _, err := os.Stat(file); !os.IsNotExist(err) {
				t.Errorf("the checkpoint of a scan that is over is still there: %v", err)
			}
		})
	}
}

// lookIn is the look whose records were printed.
func lookIn(t *testing.T, records string) *portvigil.Look {
	t.Helper()
	var b portvigil.LookBuilder
	for line := range strings.Lines(records) {
		look, err := b.Add([]byte(line))
		if err != nil {
			t.Fatal(err)
		}
		if look != nil {
			return look
		}
	}
	t.Fatalf("no look in %q", records)
	return nil
}

// askedPorts is how often each port was asked.
func askedPorts(t *testing.T, h *lab.Host) map[int]int {
	t.Helper()
	out, err := h.Command(t.Context(), "nft", "-j", "list", "set", "inet", "asked", "ports").Output()
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		NFTables []struct {
			Set struct {
				Elem []struct {
					Elem struct {
						Val     json.Number
						Counter struct{ Packets int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v in %.300s", err, out)
	}
	asked := map[int]int{}
	for _, it := range answer.NFTables {
		for _, e := range it.Set.Elem {
			port, err := strconv.Atoi(e.Elem.Val.String())
			if err != nil {
				t.Fatal(err)
			}
			asked[port] = e.Elem.Counter.Packets
		}
	}
	if len(asked) < 8000 {
		t.Fatalf("only %d ports were counted", len(asked))
	}
	return asked
}
