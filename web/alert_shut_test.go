package web

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab/hostile"
)

func commands(list []step) (all []string) {
	for _, s := range list {
		all = append(all, s.Command)
	}
	return all
}

func TestShutCommandsAreThoseOfThisDoor(t *testing.T) {
	t.Parallel()
	id, odd := strings.Repeat("0123456789abcdef", 4), "web;evil"
	for _, c := range []struct {
		name string
		p    *portvigil.Process
		want []string // after the one that says who has the port
	}{
		{"a service", &portvigil.Process{PID: 812, Exe: "/usr/bin/exporter", Unit: "exporter.service"}, []string{"sudo systemctl disable --now exporter.service"}},
		{"one of several instances", &portvigil.Process{PID: 812, Unit: "postgresql@15-main.service"}, []string{"sudo systemctl disable --now postgresql@15-main.service"}},
		{"a unit with a name that a shell would read", &portvigil.Process{PID: 812, Unit: "$(evil).service"}, []string{"sudo systemctl disable --now UNIT"}},
		{"a unit that would be an option", &portvigil.Process{PID: 812, Unit: "--root=x.service"}, []string{"sudo systemctl disable --now UNIT"}},
		{"a person's session is not stopped", &portvigil.Process{PID: 812, Unit: "session-3.scope"}, []string{"sudo ls -l /proc/812/exe", "sudo kill 812"}},
		{"no unit", &portvigil.Process{PID: 812}, []string{"sudo ls -l /proc/812/exe", "sudo kill 812"}},
		{"a container, whatever its unit", &portvigil.Process{PID: 812, Unit: "docker.service", Container: &id}, []string{"sudo docker stop 0123456789ab", "sudo podman stop 0123456789ab"}},
		{"a container with a name that a shell would read", &portvigil.Process{PID: 812, Container: &odd}, []string{"sudo ls -l /proc/812/exe", "sudo kill 812"}},
		{"a port that Docker publishes does not stop all of Docker", &portvigil.Process{PID: 812, Exe: "/usr/bin/docker-proxy", Unit: "docker.service"},
			[]string{"sudo docker ps --filter publish=9100/tcp", "sudo docker stop CONTAINER"}},
		{"a socket that systemd keeps", &portvigil.Process{PID: 1, Exe: "/usr/lib/systemd/systemd", Unit: "init.scope"},
			[]string{"systemctl list-sockets --all | grep -w 9100", "sudo systemctl disable --now UNIT.socket"}},
		{"nobody knows whose it is", nil, nil},
		{"a pid that is none", &portvigil.Process{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := sampleAlert()
			a.Process = c.p
			s := shuttingOf(&a)
			if diff := cmp.Diff(append([]string{"sudo ss -Hltnp 'sport = :9100'"}, c.want...), commands(s.Stop)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			want := []string{"sudo ufw deny 9100/tcp", "sudo firewall-cmd --permanent --remove-port=9100/tcp && sudo firewall-cmd --reload", "sudo nft insert rule inet filter input tcp dport 9100 drop"}
			if diff := cmp.Diff(want, commands(s.Close)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestShutSaysWhatIsLostWithIt(t *testing.T) {
	t.Parallel()
	ssh, docker := sampleAlert(), sampleAlert()
	ssh.Service, docker.Process = &portvigil.Service{Name: "ssh"}, &portvigil.Process{Exe: "/usr/bin/docker-proxy"}
	plain := sampleAlert()
	for want, a := range map[string]*portvigil.Alert{"another way in": &ssh, "go past ufw": &docker, "": &plain} {
		if got := shuttingOf(a).Caution; !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}

func TestShutOfUDPSpeaksOfUDP(t *testing.T) {
	t.Parallel()
	a := sampleAlert()
	a.Proto = portvigil.UDP
	s := shuttingOf(&a)
	if got := fmt.Sprint(s.Stop[0].Command, commands(s.Close)); strings.Contains(got, "tcp") || strings.Count(got, "udp") != 3 || !strings.Contains(got, "-Hlunp") {
		t.Error(got)
	}
}

// TestShutCommandsHoldNothingThatAShellReads has hosts send what they like: each
// command is still one of ours, with names in it that are one plain word.
func TestShutCommandsHoldNothingThatAShellReads(t *testing.T) {
	t.Parallel()
	ours := regexp.MustCompile(`^(` + strings.Join([]string{
		`sudo ss -Hl[tu]np 'sport = :\d+'`, `sudo (docker|podman) stop [A-Za-z0-9][A-Za-z0-9_.-]*`, `sudo docker ps --filter publish=\d+/(tcp|udp)`,
		`systemctl list-sockets --all \| grep -w \d+`, `sudo systemctl disable --now [A-Za-z0-9_][A-Za-z0-9:_.@-]*`, `sudo ls -l /proc/\d+/exe`, `sudo kill \d+`,
		`sudo ufw deny \d+/(tcp|udp)`, `sudo firewall-cmd --permanent --remove-port=\d+/(tcp|udp) && sudo firewall-cmd --reload`,
		`sudo nft insert rule inet filter input (tcp|udp) dport \d+ drop`, `sudo nft list ruleset`}, `|`) + `)$`)
	text := rapid.OneOf(rapid.SampledFrom(hostile.Texts()), rapid.String(), rapid.SampledFrom([]string{"a b.service", "x.service\nreboot", "`id`.socket", "-x.service", "..service", "/usr/bin/docker-proxy", "\n/docker-proxy"}))
	rapid.Check(t, func(t *rapid.T) {
		container := text.Draw(t, "container")
		a := sampleAlert()
		a.Host, a.Text, a.Proto, a.Port = text.Draw(t, "host"), text.Draw(t, "text"), portvigil.Proto(text.Draw(t, "proto")), rapid.Uint16().Draw(t, "port")
		a.Service = &portvigil.Service{Name: text.Draw(t, "service"), Product: text.Draw(t, "product")}
		a.Process = &portvigil.Process{PID: rapid.IntRange(-1, 1<<22).Draw(t, "pid"), Exe: text.Draw(t, "exe"), Unit: text.Draw(t, "unit"), User: text.Draw(t, "user")}
		if rapid.Bool().Draw(t, "contained") {
			a.Process.Container = &container
		}
		s := shuttingOf(&a)
		for _, c := range append(commands(s.Stop), commands(s.Close)...) {
			if !ours.MatchString(c) {
				t.Fatalf("%q", c)
			}
		}
		if s.Host != "HOST" && portvigil.CheckHostName(s.Host) != nil {
			t.Fatalf("the host is %q", s.Host)
		}
	})
}
