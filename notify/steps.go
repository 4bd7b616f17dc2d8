package notify

import (
	"strings"

	"github.com/portvigil/portvigil"
)

// stepsFor returns the exact commands for an open alert. What a person has to
// fill in stands in capitals.
func stepsFor(a *portvigil.Alert) []step {
	var (
		id       = shellWord(a.ID)
		host     = shellWord(a.Host)
		door     = shellWord(doorName(a.Proto, a.Port, ""))
		show     = step{"Everything that is known of it", "portvigil alerts show " + id}
		shut     = step{"If it is to be shut", "portvigil alerts resolve " + id + " --shut"}
		expected = step{"If it belongs there", "portvigil alerts resolve " + id + ` --expected --why "REASON" --owner NAME`}
	)
	switch a.Kind {
	case portvigil.Kind(portvigil.UnexpectedExposed), portvigil.Kind(portvigil.UnexpectedListening), portvigil.Kind(portvigil.Changed):
		return []step{shut, expected}
	case portvigil.Kind(portvigil.Missing):
		return []step{
			{"When it runs again", "portvigil hosts look " + host},
			{"If it is gone for good", "portvigil baseline remove " + host + " " + door},
		}
	case portvigil.Kind(portvigil.Hidden), portvigil.ManyDoors:
		return []step{show, shut}
	case portvigil.DoorsToExplain:
		const words = ` --why "REASON" --owner NAME`
		return []step{
			{"For those that belong there", "portvigil baseline approve " + host + " PORT/PROTO" + words},
			{"If all of them do", "portvigil baseline approve " + host + " --all" + words},
		}
	case portvigil.HostUnreachable, portvigil.AgentSilent:
		return []step{{"When it is mended", "portvigil hosts look " + host}, show}
	case portvigil.ChannelFailing:
		return []step{{"When it is mended", "portvigil channels test " + shellWord(a.Subject.Name)}, show}
	}
	return []step{show}
}

// plainWord holds what no shell treats specially.
const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-"

// shellWord returns the text as one word for a POSIX shell, so that a command can
// be pasted whatever a name holds. What is not printable has been escaped: such
// a command fails to find its object, and does nothing else.
func shellWord(s string) string {
	s = printable(s, longestValue)
	if s != "" && strings.Trim(s, plainWord) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
