package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// lookView prints the records of looks, for programs or for people.
type lookView struct {
	app   *app
	ports []portvigil.PortRecord     // of the look that has not ended yet
	doors []portvigil.ListenerRecord // the same
}

// event prints one record; people see ports and listeners once their look ends.
func (v *lookView) event(e portvigil.LookEvent) error {
	switch {
	case v.app.json && e.Port != nil:
		return v.app.record(e.Port)
	case v.app.json && e.Listener != nil:
		return v.app.record(e.Listener)
	case v.app.json && e.Look != nil:
		return v.app.record(e.Look)
	case e.Port != nil:
		v.ports = append(v.ports, *e.Port)
	case e.Listener != nil:
		v.doors = append(v.doors, *e.Listener)
	case e.Look != nil:
		return v.look(*e.Look)
	}
	return nil
}

func (v *lookView) look(l portvigil.LookRecord) error {
	where := "from inside"
	if l.Address != nil {
		where = l.Address.String()
	}
	if l.Proto != nil && *l.Proto == portvigil.UDP {
		where += " (udp)"
	}
	fmt.Fprintf(v.app.stdout, "%s %s: %s, %s, %s\n", portvigil.Printable(l.Host), where, counts(l), completeness(l.Complete),
		l.Ended.Sub(l.Started).Round(10*time.Millisecond))
	if ports := telling(v.ports, l.Notes); len(ports) > 0 {
		t := v.app.table("PORT", "STATE", "REASON", "SERVICE")
		for i := 0; i < len(ports); {
			p, n := ports[i], alike(ports[i:])
			t.row(portvigil.PortRange{First: p.Port, Last: ports[i+n-1].Port}.String()+"/"+string(p.Proto), string(p.State), string(p.Reason), serviceText(p.Service))
			i += n
		}
		if err := t.print(); err != nil {
			return err
		}
	}
	if len(v.doors) > 0 {
		if err := v.app.listenerTable(v.doors); err != nil {
			return err
		}
	}
	for _, n := range l.Notes {
		fmt.Fprintf(v.app.stdout, "note: %s\n", portvigil.Printable(n))
	}
	if text := sureness(l); text != "" {
		fmt.Fprintf(v.app.stdout, "sure: %s\n", text)
	}
	v.ports, v.doors = nil, nil
	return nil
}

// alike is how many ports, from the first on, one row may tell of: neighbours of which
// there is no more to say than of the first. Open ones have a row each.
func alike(ports []portvigil.PortRecord) int {
	n := 1
	for n < len(ports) && ports[n].Port == ports[n-1].Port+1 && ports[n].State == ports[0].State && ports[n].Reason == ports[0].Reason &&
		ports[n].Service == nil && ports[0].Service == nil && ports[0].State != portvigil.StateOpen {
		n++
	}
	return n
}

// telling leaves out which UDP ports are closed where the host sends few errors: it is
// by chance that it said so of these, and their number stands above.
func telling(ports []portvigil.PortRecord, notes []string) []portvigil.PortRecord {
	if !slices.ContainsFunc(notes, func(note string) bool { return portvigil.NoteCode(note) == string(portvigil.ReasonICMPLimited) }) {
		return ports
	}
	return slices.DeleteFunc(slices.Clone(ports), func(p portvigil.PortRecord) bool { return p.State == portvigil.StateClosed })
}

// sureness says how likely it is that the look missed a port, where it measured that
// and a port stayed silent.
func sureness(l portvigil.LookRecord) string {
	if l.MissProbability == nil || *l.MissProbability == 0 || l.Loss == nil {
		return ""
	}
	oneIn := 1 / *l.MissProbability
	if digits := math.Pow10(int(math.Log10(oneIn)) - 1); digits >= 1 {
		oneIn = math.Floor(oneIn/digits) * digits // no more than is known of it
	}
	return fmt.Sprintf("if a port is open that is not listed, the chance of missing it was at most 1 in %.0f (of %s to doors known to answer, %.1f %% were lost)",
		oneIn, plural(l.Loss.Samples, "question"), 100*l.Loss.Estimate)
}

// counts says what a look found: "6 open, 6 closed, 65523 filtered".
func counts(l portvigil.LookRecord) string {
	if l.View == portvigil.Inside {
		return plural(l.Open, "listener")
	}
	var parts []string
	for _, c := range []struct {
		n    int
		name string
	}{{l.Open, "open"}, {l.Closed, "closed"}, {l.Filtered, "filtered"}, {l.OpenFiltered, "open or filtered"}} {
		if c.n > 0 || c.name == "open" {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.name))
		}
	}
	return strings.Join(parts, ", ")
}

func serviceText(s *portvigil.Service) string {
	if s == nil {
		return ""
	}
	text := portvigil.Printable(s.Label())
	if s.TLS {
		text += " (TLS)"
	}
	if s.Title != "" {
		text += " \"" + shorten(portvigil.Printable(s.Title), 40) + "\""
	}
	return text
}

// listenerTable prints listeners for people.
func (a *app) listenerTable(list []portvigil.ListenerRecord) error {
	t := a.table("DOOR", "ADDRESS", "SCOPE", "BASELINE", "PROCESS", "USER", "UNIT", "PACKAGE")
	for _, l := range list {
		mark := a.paint("no", portvigil.Medium)
		if l.InBaseline {
			mark = cell{text: "yes"}
		} else if l.Scope == portvigil.ScopeLoopback {
			mark = cell{text: "-"}
		}
		process, user, unit, pkg := portvigil.Printable(l.ProcessUnknown), "", "", ""
		if p := l.Process; p != nil {
			process, user, unit = portvigil.Printable(p.Exe), portvigil.Printable(p.User), portvigil.Printable(p.Unit)
			if p.Deleted {
				process += " (deleted)"
			}
			if p.Package != nil {
				pkg = portvigil.Printable(p.Package.Name + " " + p.Package.Version)
			}
		}
		t.row(fmt.Sprintf("%d/%s", l.Port, l.Proto), l.Address.String(), string(l.Scope), mark, shorten(process, 48), user, unit, pkg)
	}
	return t.print()
}
