package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/smtp"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// soon is how long anything in the lab may take that a person would call
// immediate; it is generous, for machines that compile beside the tests.
const soon = 10 * time.Second

func TestDaemonsAnswerAnotherHostAndAreGoneAfterwards(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		port  uint16
		start func(*lab.Host, testing.TB, uint16) *lab.Process
		ask   string // sent after connecting
		want  string // must stand in the answer
	}{
		{"nginx", 80, (*lab.Host).Nginx, "HEAD / HTTP/1.0\r\n\r\n", "Server: nginx/"},
		{"sshd", 22, (*lab.Host).Sshd, "", "SSH-2.0-OpenSSH_"},
		{"node exporter", 9100, (*lab.Host).NodeExporter, "GET / HTTP/1.0\r\n\r\n", "Node Exporter"},
		{"redis", 6379, (*lab.Host).Redis, "PING\r\n", "+PONG"},
		{"mariadb", 3306, (*lab.Host).MariaDB, "", "MariaDB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var path string
			var daemon *lab.Process
			t.Run("answers", func(t *testing.T) {
				l := lab.New(t)
				client, target := l.Host("client"), l.Host("target")
				path = target.Path()
				daemon = c.start(target, t, c.port)
				for _, address := range []string{target.Addr(c.port), target.Addr6(c.port)} {
					if got := ask(t, client, address, c.ask, c.want); !strings.Contains(got, c.want) {
						t.Errorf("%s answered %q, which lacks %q", address, got, c.want)
					}
				}
			})
			if daemon == nil {
				return // told above: skipped or failed
			}
			gone(t, daemon.PID, path)
		})
	}
}

// ask connects, sends the question, and reads until want has come, or the other
// side ends or is silent.
func ask(t *testing.T, from *lab.Host, address, question, want string) string {
	t.Helper()
	conn := dial(t, from, address)
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, question); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for r := bufio.NewReader(conn); !strings.Contains(got.String(), want); {
		b, err := r.ReadByte()
		if err != nil {
			break // the caller sees what is missing
		}
		got.WriteByte(b)
	}
	return got.String()
}

func dial(t *testing.T, from *lab.Host, address string) net.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	conn, err := from.Dial(ctx, "tcp", address)
	if err != nil {
		t.Fatalf("dial %s: %v", address, err)
	}
	return conn
}

// gone checks that neither a process nor a namespace is left.
func gone(t *testing.T, pid int, path string) {
	t.Helper()
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", pid, err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("namespace %s is still there: %v", path, err)
	}
}

func TestACutHostIsSilentUntilItIsMended(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	client, target := l.Host("client"), l.Host("target")
	target.Listen(t, "tcp/:7000")
	dial(t, client, target.Addr(7000)).Close()

	target.Cut(t)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if conn, err := client.Dial(ctx, "tcp", target.Addr(7000)); err == nil {
		conn.Close()
		t.Error("a host without a cable answered")
	} else if errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a host without a cable refused: %v", err)
	}

	target.Mend(t)
	dial(t, client, target.Addr(7000)).Close()
	dial(t, client, target.Addr6(7000)).Close()
}

func TestAFirewallThatRejectsIsToldFromAClosedPort(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	client, target := l.Host("client"), l.Host("target")
	target.Listen(t, "tcp/:7000")
	target.Firewall(t, `table inet lab {
		chain input {
			type filter hook input priority filter
			tcp dport 7000 reject with icmpx admin-prohibited
		}
	}`)
	for port, want := range map[uint16]error{7000: syscall.EHOSTUNREACH, 7001: syscall.ECONNREFUSED} {
		conn, err := client.Dial(t.Context(), "tcp", target.Addr(port))
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, want) {
			t.Errorf("port %d: got %v, want %v", port, err, want)
		}
	}
	target.Firewall(t, "")
	dial(t, client, target.Addr(7000)).Close()
}

func TestLabsDoNotMeet(t *testing.T) {
	t.Parallel()
	one, other := lab.New(t), lab.New(t)
	here := one.Host("here")
	other.Host("there").Listen(t, "tcp/:7000")
	there := one.Host("there") // the same address, nothing listens
	conn, err := here.Dial(t.Context(), "tcp", there.Addr(7000))
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want that the own lab's host refuses", err)
	}
}

func TestAListenerHasTheDoorsItWasToldAndSaysItsText(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	client, target := l.Host("client"), l.Host("target")
	p := target.Listen(t, "-say", `220 hi\r\n`, "tcp/:7000", "udp/:7001", "tcp/127.0.0.1:7002")
	p.WaitListen(t, portvigil.TCP, 7000)
	p.WaitListen(t, portvigil.UDP, 7001)
	p.WaitListen(t, portvigil.TCP, 7002)
	if got := ask(t, client, target.Addr(7000), "", "\n"); got != "220 hi\r\n" {
		t.Errorf("it says %q", got)
	}
	p.Stop(t)
	if err := p.Err(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestMailAndWebhooksReachTheirReceivers(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	sender, receiver := l.Host("sender"), l.Host("receiver")
	mail := lab.Mailbox(t, receiver)
	hook := lab.Receiver(t, receiver, 8080)

	send(t, sender, mail.Addr, "Subject: one\r\n\r\nhello\r\n")
	want := []lab.Message{{From: "a@example.org", To: []string{"b@example.org"}, Data: "Subject: one\r\n\r\nhello\r\n"}}
	mails := mail.Wait(t, 1, soon)
	for i := range mails {
		if time.Since(mails[i].Time) > soon {
			t.Errorf("mail %d came at %v", i, mails[i].Time)
		}
		mails[i].Time = time.Time{}
	}
	if diff := cmp.Diff(want, mails); diff != "" {
		t.Errorf("mail (-want +got):\n%s", diff)
	}

	client := &http.Client{Timeout: soon, Transport: &http.Transport{DialContext: sender.Dial, DisableKeepAlives: true}}
	hook.Answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	res, err := client.Post(hook.URL+"/alerts", "application/json", strings.NewReader(`{"n":1}`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	got := hook.Wait(t, 1, soon)[0]
	if res.StatusCode != http.StatusTeapot || got.Method != "POST" || got.Path != "/alerts" || string(got.Body) != `{"n":1}` {
		t.Errorf("status %d, received %s %s %s", res.StatusCode, got.Method, got.Path, got.Body)
	}
}

func TestAMailboxThatRefusesKeepsNothing(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	sender := l.Host("sender")
	mail := lab.Mailbox(t, l.Host("receiver"))
	mail.Refuse(451, "come back later")
	conn := dial(t, sender, mail.Addr)
	defer conn.Close()
	client, err := smtp.NewClient(conn, "receiver")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Mail("a@example.org"); err == nil || !strings.Contains(err.Error(), "come back later") {
		t.Errorf("it was to refuse, and said %v", err)
	}
	mail.Refuse(0, "")
	send(t, sender, mail.Addr, "Subject: two\r\n\r\n")
	if n := len(mail.Wait(t, 1, soon)); n != 1 {
		t.Errorf("%d mails were kept, want the second only", n)
	}
}

func send(t *testing.T, from *lab.Host, addr, data string) {
	t.Helper()
	conn := dial(t, from, addr)
	defer conn.Close()
	client, err := smtp.NewClient(conn, "receiver")
	if err != nil {
		t.Fatal(err)
	}
	w, err := begin(client)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), client.Quit()); err != nil {
		t.Fatal(err)
	}
}

func begin(client *smtp.Client) (io.WriteCloser, error) {
	if err := client.Mail("a@example.org"); err != nil {
		return nil, err
	}
	if err := client.Rcpt("b@example.org"); err != nil {
		return nil, err
	}
	return client.Data()
}

func TestAUnitIsSeenInItsProcessAndGoneAfterwards(t *testing.T) {
	t.Parallel()
	var cgroup string
	started := false
	t.Run("seen", func(t *testing.T) {
		p := lab.New(t).Host("target").NodeExporterInUnit(t, 9100)
		started = true
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", p.PID))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(data)), "\n")
		i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "0::") })
		if i < 0 || !strings.HasSuffix(lines[i], ".slice/prometheus-node-exporter.service") {
			t.Fatalf("no unit in %q", lines)
		}
		cgroup = strings.TrimPrefix(lines[i], "0::")
	})
	if !started {
		return // told above: skipped or failed
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(root + cgroup); !os.IsNotExist(err) {
			t.Errorf("the unit's cgroup is still there: %v", err)
		}
	}
}
