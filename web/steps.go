package web

import (
	"fmt"
	"strings"

	"github.com/portvigil/portvigil"
)

// step is one thing that a reader of an alert can do: when, and by which command.
type step struct {
	When    string
	Command string
}

// maxNamed is how many doors one command names; more than that do not fit a
// line that a person reads before running it.
const maxNamed = 20

// steps returns what can be done about an open alert, the likeliest first. No
// text that a scanned host sent gets into a command.
func steps(a portvigil.Alert) []step {
	var list []step
	host, id := word(a.Host, "HOST"), word(a.ID, "ID")
	switch a.Kind {
	case portvigil.DoorsToExplain:
		list = explain(host, a)
	case portvigil.Kind(portvigil.Missing):
		list = []step{
			{"It should be open: start it again, then look", "portvigil hosts look " + host},
			{"It is meant to be shut", fmt.Sprintf("portvigil baseline remove %s %d/%s", host, a.Port, word(string(a.Proto), "PROTO"))},
		}
	case portvigil.Kind(portvigil.Hidden):
		list = []step{
			{"See what the host itself says", fmt.Sprintf("ssh %s portvigil check --json | portvigil hosts report %s -", host, host)},
			{"The door is shut", resolve(id, "--shut")},
		}
	case portvigil.HostUnreachable:
		list = []step{{"The way to it is mended: look again", "portvigil hosts look " + host + " --outside"}}
	case portvigil.AgentSilent:
		list = []step{{"Report what listens there", fmt.Sprintf("ssh %s portvigil check --json | portvigil hosts report %s -", host, host)}}
	case portvigil.ChannelFailing:
		list = []step{{"Send a test message", "portvigil channels test " + word(a.Subject.Name, "NAME")}}
	case portvigil.VantageBlind, portvigil.BaselineUnreadable:
	default:
		list = []step{
			{"It belongs there", resolve(id, `--expected --why "…" --owner NAME`)},
			{"You shut it", resolve(id, "--shut")},
			{"It stays for now, at a known risk", resolve(id, `--accept-until DATE --why "…" --owner NAME`)},
			{"It is a false alarm", resolve(id, `--false --why "…"`)},
		}
	}
	if a.State == portvigil.AlertNew {
		list = append(list, step{"You have seen it, and need time", "portvigil alerts ack " + id})
	}
	return list
}

func resolve(id, how string) string {
	return "portvigil alerts resolve " + id + " " + how
}

// explain names the doors that are left to approve.
func explain(host string, a portvigil.Alert) []step {
	var doors []string
	seen := map[portvigil.Door]bool{}
	for _, row := range a.Endpoints {
		door := portvigil.Door{Proto: row.Proto, Port: row.Port}
		if row.Explained || row.Ports != "" || seen[door] {
			continue
		}
		seen[door] = true
		doors = append(doors, fmt.Sprintf("%d/%s", row.Port, word(string(row.Proto), "PROTO")))
	}
	named := "PORT/PROTO…"
	if len(doors) > 0 && len(doors) <= maxNamed {
		named = strings.Join(doors, " ")
	}
	return []step{
		{"These belong there (leave out what does not)", fmt.Sprintf(`portvigil baseline approve %s %s --why "…" --owner NAME`, host, named)},
		{"You stopped one of them: look again", "portvigil hosts look " + host},
	}
}
