package inside

import (
	"strconv"
	"strings"
)

// parsePasswd reads the names of users by their number from passwd(5); of
// several names for one number the first counts, as it does for getpwuid(3).
// Lines that are none are left out: one bad line must not hide the others.
func parsePasswd(content string) map[uint32]string {
	users := map[uint32]string{}
	for line := range strings.Lines(content) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		// A line that begins with + or - is a switch for NIS (nsswitch.conf(5)).
		if len(fields) != 7 || fields[0] == "" || strings.ContainsAny(fields[0][:1], "+-#") {
			continue
		}
		uid, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		if _, known := users[uint32(uid)]; !known {
			users[uint32(uid)] = text(fields[0])
		}
	}
	return users
}
