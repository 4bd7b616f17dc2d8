package inside

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// clockTick is the unit of the times in /proc/PID/stat: USER_HZ, which Linux
// shows as 100 a second on every machine that Go runs on (proc(5), sysconf(3)).
const clockTick = time.Second / 100

// socketInode reads the target of a descriptor's link, "socket:[1234]".
func socketInode(link []byte) (uint64, bool) {
	number, found := bytes.CutPrefix(link, []byte("socket:["))
	if !found {
		return 0, false
	}
	number, found = bytes.CutSuffix(number, []byte("]"))
	if !found || len(number) == 0 {
		return 0, false
	}
	var inode uint64
	for _, c := range number {
		if c < '0' || c > '9' || inode > (1<<63)/10 {
			return 0, false
		}
		inode = inode*10 + uint64(c-'0')
	}
	return inode, true
}

// parseStartTicks reads field 22 of /proc/PID/stat (proc_pid_stat(5)): when the
// process started, in clock ticks since boot. The name in field 2 may hold
// anything, parentheses and spaces too, so that its end is the last ")".
func parseStartTicks(stat string) (uint64, error) {
	_, after, found := cutLast(stat, ")")
	fields := strings.Fields(after)
	const start = 22 - 3 // the first field after the name is the third
	if !found || len(fields) <= start {
		return 0, errors.New("read process start: too few fields")
	}
	ticks, err := strconv.ParseUint(fields[start], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read process start: %w", err)
	}
	return ticks, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// parseBoot reads when the machine started from /proc/stat's btime.
func parseBoot(stat string) (time.Time, error) {
	for line := range strings.Lines(stat) {
		if number, found := strings.CutPrefix(line, "btime "); found {
			seconds, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
			if err != nil {
				return time.Time{}, fmt.Errorf("read boot time: %w", err)
			}
			return time.Unix(seconds, 0).UTC(), nil
		}
	}
	return time.Time{}, errors.New("read boot time: no btime")
}

// parseStatusUID reads the effective user id from /proc/PID/status: the second
// number of "Uid:" (real, effective, saved, file system).
func parseStatusUID(status string) (uint32, error) {
	fields := strings.Fields(statusField(status, "Uid"))
	if len(fields) != 4 {
		return 0, errors.New("read user of process: no Uid line")
	}
	uid, err := strconv.ParseUint(fields[1], 10, 32)
	if err != nil {
		return 0, fmt.Errorf("read user of process: %w", err)
	}
	return uint32(uid), nil
}

// statusField returns the value of one line of /proc/PID/status, "" where it has
// none. The kernel escapes line ends in the process's own name, so that no
// process can forge a line.
func statusField(status, name string) string {
	for line := range strings.Lines(status) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// text makes a string out of what may be any bytes: those that are no UTF-8
// become \xNN, everything else stays. It is for storing; what is shown is
// escaped where it is shown.
func text(raw string) string {
	if utf8.ValidString(raw) {
		return raw
	}
	var b strings.Builder
	for raw != "" {
		r, size := utf8.DecodeRuneInString(raw)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, raw[0])
		} else {
			b.WriteString(raw[:size])
		}
		raw = raw[size:]
	}
	return b.String()
}
