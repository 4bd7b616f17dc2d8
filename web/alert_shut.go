package web

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/portvigil/portvigil"
)

// shutting is how the alert's door is shut on its host: commands that are shown
// and never run. Nothing that a scanned host sent gets into one, but for names
// that a shell reads as they stand.
type shutting struct {
	Host    string
	Caution string // what is lost with it; "" for nothing that is known
	Stop    []step // what ends the program
	Close   []step // what keeps others from reaching it
}

// unitName holds what a systemd unit may be called (systemd.unit(5)), without the
// backslash, which a shell would read.
var unitName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9:_.@-]{0,250}\.(service|socket|scope)$`)

// containerName holds what Docker, Podman, LXC and systemd-nspawn call a container.
var containerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

func shuttingOf(a *portvigil.Alert) shutting {
	s := shutting{Host: word(a.Host, "HOST")}
	if a.Port == 0 {
		s.Close = []step{{"See which rules the firewall has", "sudo nft list ruleset"}}
		return s
	}
	udp := a.Proto == portvigil.UDP
	look := fmt.Sprintf("sudo ss -Hltnp 'sport = :%d'", a.Port)
	if udp {
		look = fmt.Sprintf("sudo ss -Hlunp 'sport = :%d'", a.Port)
	}
	s.Stop = append([]step{{"See who has it now", look}}, stops(a)...)
	s.Close = closes(a.Port, a.Proto)
	s.Caution = caution(a)
	return s
}

// stops is what ends the program behind the door, by what is known of it.
func stops(a *portvigil.Alert) []step {
	p := a.Process
	switch {
	case p == nil:
		return nil
	case p.Container != nil && containerName.MatchString(*p.Container):
		id := *p.Container
		if len(id) == 64 {
			id = id[:12] // as docker ps shows it
		}
		return []step{{"Stop its container, with Docker", "sudo docker stop " + id}, {"Or with Podman", "sudo podman stop " + id}}
	case path.Base(p.Exe) == "docker-proxy":
		// The proxy belongs to Docker itself: its unit is that of every container.
		return []step{{"See which container publishes the port", fmt.Sprintf("sudo docker ps --filter publish=%d/%s", a.Port, proto(a.Proto))},
			{"Stop that one", "sudo docker stop CONTAINER"}}
	case p.PID == 1:
		// systemd listens for a service that it starts on demand.
		return []step{{"See which socket unit has it", fmt.Sprintf("systemctl list-sockets --all | grep -w %d", a.Port)},
			{"Stop that one, and keep it from coming back", "sudo systemctl disable --now UNIT.socket"}}
	case strings.HasSuffix(p.Unit, ".service") || strings.HasSuffix(p.Unit, ".socket"):
		unit := "UNIT"
		if unitName.MatchString(p.Unit) {
			unit = p.Unit
		}
		return []step{{"Stop its unit, and keep it from coming back", "sudo systemctl disable --now " + unit}}
	case p.PID > 1:
		// A scope is a person's session: to stop it would end all that runs in it.
		return []step{{"See whether it is still that process", fmt.Sprintf("sudo ls -l /proc/%d/exe", p.PID)}, {"End it", fmt.Sprintf("sudo kill %d", p.PID)}}
	}
	return nil
}

// closes is what keeps others from reaching the door, by each common firewall.
func closes(port uint16, p portvigil.Proto) []step {
	door := fmt.Sprintf("%d/%s", port, proto(p))
	return []step{
		{"With ufw", "sudo ufw deny " + door},
		{"With firewalld", fmt.Sprintf("sudo firewall-cmd --permanent --remove-port=%s && sudo firewall-cmd --reload", door)},
		{"With nftables, where the table is inet filter", fmt.Sprintf("sudo nft insert rule inet filter input %s dport %d drop", proto(p), port)},
	}
}

// proto is the protocol as a command takes it.
func proto(p portvigil.Proto) string {
	if p == portvigil.UDP {
		return "udp"
	}
	return "tcp"
}

// caution says what somebody may shut themselves out of.
func caution(a *portvigil.Alert) string {
	ssh := a.Proto == portvigil.TCP && a.Port == 22 || a.Service != nil && a.Service.Name == "ssh" || a.Process != nil && path.Base(a.Process.Exe) == "sshd"
	switch {
	case ssh:
		return "This looks like SSH: make sure that you have another way in before you stop it."
	case a.Process != nil && (a.Process.Container != nil || path.Base(a.Process.Exe) == "docker-proxy"):
		return "Ports that Docker publishes go past ufw and firewalld: stop the container, or publish the port on 127.0.0.1 only."
	}
	return ""
}
