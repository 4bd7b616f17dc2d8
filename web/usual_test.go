package web

import (
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

func TestTheTableOfUsualDoorsIsOne(t *testing.T) {
	t.Parallel()
	doors, names := map[string]string{}, map[string]string{}
	for _, u := range usuals {
		for _, text := range u.doors {
			d, err := portvigil.ParseDoor(text)
			if err != nil || d.String() != text {
				t.Errorf("%s: %q is no door: %v", u.name, text, err)
			}
			if other := doors[text]; other != "" {
				t.Errorf("%s is both %s and %s: which one is found is left to chance", text, other, u.name)
			}
			doors[text] = u.name
		}
		for _, name := range u.by {
			if other := names[name]; other != "" || name != strings.ToLower(name) {
				t.Errorf("%q of %s is also of %q, or is never found", name, u.name, other)
			}
			if slices.Contains(forwarders, name) || slices.Contains(runners, name) {
				t.Errorf("%q of %s runs anything", name, u.name)
			}
			names[name] = u.name
		}
		if strings.HasSuffix(u.is, ".") || strings.HasSuffix(u.risk, ".") || u.why == "" && u.risk == "" {
			t.Errorf("%s does not read well, or is neither suggested nor warned of", u.name)
		}
	}
}

func TestAGuessGoesByTheProgramBeforeThePort(t *testing.T) {
	t.Parallel()
	run := func(exe, unit string) *portvigil.Process { return &portvigil.Process{Exe: exe, Unit: unit} }
	for _, c := range []struct {
		name    string
		door    string
		service *portvigil.Service
		process *portvigil.Process
		want    string // "" for not known
	}{
		{"the usual program at the usual port", "22/tcp", nil, run("/usr/sbin/sshd", "ssh.service"), "SSH is how people and programs log in."},
		{"the usual program elsewhere", "2222/tcp", nil, run("/usr/sbin/sshd", ""), "SSH is how people and programs log in."},
		{"what systemd starts on demand is told by the unit", "631/tcp", nil, run("/usr/lib/systemd/systemd", "cups.socket"), "Printing (CUPS) takes what is to be printed."},
		{"a unit with an instance", "5433/tcp", nil, run("/usr/lib/systemd/systemd", "postgresql@15-main.service"), "PostgreSQL is a database."},
		{"a program is told by its package", "2222/tcp", nil, &portvigil.Process{Exe: "/usr/lib/x", Package: &portvigil.Package{Name: "openssh-server", Source: "openssh"}}, "SSH is how people and programs log in."},
		{"what runs anything is not told by its package", "2222/tcp", nil, &portvigil.Process{Exe: "/usr/bin/python3", Package: &portvigil.Package{Name: "openssh"}}, ""},
		{"only what answers is known", "2222/tcp", &portvigil.Service{Product: "OpenSSH"}, nil, "SSH is how people and programs log in."},
		{"only the port is known", "51820/udp", nil, nil, "WireGuard, usually: it is a private network (VPN)."},
		{"a container's door is told by its port", "5432/tcp", nil, run("/usr/bin/docker-proxy", "docker.service"), "PostgreSQL, usually: it is a database."},
		{"another program at a usual port is told", "22/tcp", nil, run("/tmp/x", ""), "On 22/tcp one finds SSH; the program here is another one."},
		{"the same with an article", "80/tcp", nil, run("/tmp/x", ""), "On 80/tcp one finds a web server; the program here is another one."},
		{"a program is not known by the end of its name", "4000/tcp", nil, run("/opt/notsshd", ""), ""},
		{"what runs anything says nothing", "4000/tcp", nil, run("/usr/bin/python3.11", ""), ""},
		{"the same port of the other protocol is another door", "22/udp", nil, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := portvigil.ParseDoor(c.door)
			if err != nil {
				t.Fatal(err)
			}
			g, known := guessOf(d, c.service, c.process)
			got := ""
			if known {
				got = g.sentence(d)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
