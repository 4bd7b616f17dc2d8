package lab_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// TestASavedListOfPortsBecomesTheBaseline is how many begin, with the list that
// ss prints: saved, imported, compared with what listens later, and mailed.
func TestASavedListOfPortsBecomesTheBaseline(t *testing.T) {
	t.Parallel()
	lab.Require(t, "ss")
	l := lab.New(t)
	server := l.Host("server")
	mail := lab.Mailbox(t, l.Host("mail"))
	server.Nginx(t, 80)
	server.Sshd(t, 22)
	s := &story{t: t, bin: lab.Build(t), scanner: server}
	dir := t.TempDir()
	list, baseline := filepath.Join(dir, "baseline_ports.txt"), filepath.Join(dir, "baseline.yaml")
	text, err := server.Command(t.Context(), "ss", "-tuln").Output()
	if err != nil {
		t.Fatalf("ss -tuln: %v", err)
	}
	if err := os.WriteFile(list, text, 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(code int, args ...string) string {
		t.Helper()
		r := s.onHost(server, "", append([]string{"--data", dir, "check", "--baseline", baseline}, args...)...)
		if r.code != code {
			t.Fatalf("check %s ended with %d, want %d:\n%s%s", strings.Join(args, " "), r.code, code, r.stdout, r.stderr)
		}
		return r.stdout
	}
	if r := s.onHost(server, "", "--data", dir, "baseline", "import", list, "--file", baseline); r.code != 0 {
		t.Fatalf("import ended with %d: %s", r.code, r.stderr)
	}
	check(0)

	server.NodeExporter(t, 9100)
	out := check(1)
	for _, fact := range []string{"+ 9100/tcp", "not in the baseline", "prometheus-node-exporter", "portvigil baseline approve"} {
		if !strings.Contains(out, fact) {
			t.Errorf("the difference does not say %q:\n%s", fact, out)
		}
	}

	byMail := []string{"--mail-to", "ops@example.com", "--smtp", "smtp://" + mail.Addr}
	mail.Refuse(451, "try again later")
	check(2, byMail...)
	mail.Refuse(0, "")
	if out := check(1, byMail...); out != "" {
		t.Errorf("mailed, and printed all the same: %q", out)
	}
	check(1, byMail...) // told once
	got := mail.Wait(t, 1, time.Minute)
	if len(got) != 1 || !strings.Contains(got[0].Data, "9100/tcp") || got[0].To[0] != "ops@example.com" {
		t.Errorf("mailed %d times: %+v", len(got), got)
	}
}

// cronLine is a line of /etc/cron.d (crontab(5)): five fields of time, a user
// and a command.
var cronLine = regexp.MustCompile(`(?m)^\S+ \S+ \S+ \S+ \S+ (\S+) (.*portvigil check .*)$`)

// TestTheCrontabLineOfTheReadmeWorksAsItStands runs the command as cron would:
// by /bin/sh, with cron's few variables, and the program where it is installed.
func TestTheCrontabLineOfTheReadmeWorksAsItStands(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	line := cronLine.FindStringSubmatch(string(readme))
	if line == nil {
		t.Fatal("the README has no line for /etc/cron.d")
	}
	if line[1] != "root" {
		t.Fatalf("the line is for the user %s", line[1])
	}
	host := lab.New(t).Host("server")
	spool := t.TempDir()
	// A machine of its own as far as the command can tell: its /etc, /usr/local/bin
	// and /var/lib, and a sendmail that keeps what it is given.
	script := fmt.Sprintf(`set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/etc && cp /etc/passwd /etc/group /etc/hostname /mnt/etc && mount --bind /mnt/etc /etc
mount -t tmpfs tmpfs /usr/local/bin && cp %[1]s /usr/local/bin/portvigil
mount -t tmpfs tmpfs /var/lib
mount -t tmpfs tmpfs /usr/sbin
printf '#!/bin/sh\necho "$@" > %[2]s/arguments\ncat >> %[2]s/mails\n' > /usr/sbin/sendmail && chmod +x /usr/sbin/sendmail
cron() { env -i HOME=/root LOGNAME=root PATH=/usr/bin:/bin SHELL=/bin/sh /bin/sh -c "$1" > %[2]s/printed 2>&1 && code=0 || code=$?; echo $code >> %[2]s/codes; }
/usr/local/bin/portvigil check --init >&2
cron "$1"
%[3]s tcp/:9100 > %[2]s/door &
door=$!
trap 'kill $door' EXIT
until grep -q open %[2]s/door; do sleep 0.05; done
cron "$1"
cron "$1"
`, lab.Build(t), spool, lab.BuildDoorman(t))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := host.Command(ctx, "unshare", "--mount", "--uts", "sh", "-c", script, "sh", line[2])
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the machine with the crontab: %v\n%s", err, out)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(spool, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got := read("codes"); got != "0\n1\n1\n" {
		t.Errorf("ended with %q; want 0 as it was, then 1 twice; it printed %q", got, read("printed"))
	}
	if got := read("printed"); got != "" {
		t.Errorf("cron would mail this a second time: %q", got)
	}
	mails := read("mails")
	if n := strings.Count(mails, "\nSubject: "); n != 1 || !strings.Contains(mails, "9100/tcp") || !strings.Contains(mails, "To: <ops@example.com>") {
		t.Errorf("mailed %d times, want once about 9100/tcp:\n%s", n, mails)
	}
	if got := read("arguments"); got != "-t -i\n" {
		t.Errorf("sendmail was called with %q", got)
	}
}
