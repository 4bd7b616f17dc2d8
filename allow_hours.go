package portvigil

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Hours is a daily span of wall-clock time in a place: "01:00-05:00
// Europe/Berlin". The zero value is the whole day.
type Hours struct {
	// From and To are minutes since midnight; the span begins at From and ends
	// before To, on the next day where To is not after From.
	From, To int
	Zone     string // in the IANA time zone database; "" is UTC
}

var hoursPattern = regexp.MustCompile(`^(\d\d):(\d\d)-(\d\d):(\d\d)(?: +(\S+))?$`)

// ParseHours reads "01:00-05:00 Europe/Berlin"; without a place it is UTC. A
// span may cross midnight, and may end at 24:00. The names of places are those
// of the IANA time zone database, which a program has to embed (time/tzdata)
// where the machine may lack it.
func ParseHours(s string) (Hours, error) {
	bad := func(what string) (Hours, error) {
		return Hours{}, Errorf(CodeInvalid, "%q %s", s, what).WithHint(`write it as "01:00-05:00 Europe/Berlin"`)
	}
	m := hoursPattern.FindStringSubmatch(s)
	if m == nil {
		return bad("is not a span of hours")
	}
	h := Hours{From: minutes(m[1], m[2]), To: minutes(m[3], m[4])}
	switch {
	case h.From < 0 || h.From == 24*60 || h.To < 0:
		return bad("has an hour that no day has")
	case h.From == h.To:
		return bad("begins when it ends")
	}
	if m[5] != "" && m[5] != "UTC" {
		if m[5] == "Local" {
			return bad("does not say where")
		}
		if _, err := time.LoadLocation(m[5]); err != nil {
			return bad("names a time zone that is not known")
		}
		h.Zone = m[5]
	}
	return h, nil
}

// minutes returns the minutes since midnight, 24:00 included, or -1.
func minutes(hour, minute string) int {
	h, _ := strconv.Atoi(hour)
	m, _ := strconv.Atoi(minute)
	if h > 24 || m > 59 || h == 24 && m != 0 {
		return -1
	}
	return h*60 + m
}

// IsZero reports whether the hours are no condition at all.
func (h Hours) IsZero() bool { return h.From == h.To }

// Contain reports whether the clock on the wall of that place shows a time
// within the span. Where summer time begins or ends, the wall clock decides: an
// hour that is skipped never comes, one that is repeated counts twice. Where
// the zone is not known any more, no time is seen to lie within.
func (h Hours) Contain(now time.Time) bool {
	if h.IsZero() {
		return true
	}
	zone, err := time.LoadLocation(h.Zone)
	if err != nil {
		return false
	}
	now = now.In(zone)
	m := now.Hour()*60 + now.Minute()
	if h.From < h.To {
		return h.From <= m && m < h.To
	}
	return h.From <= m || m < h.To
}

// next returns a moment after now that is no later than the first at which the
// span begins or ends, zero where it never does. It is a quarter of an hour away
// at most: where summer time begins or ends, a span can begin or end with that.
func (h Hours) next(now time.Time) time.Time {
	zone, err := time.LoadLocation(h.Zone)
	if h.IsZero() || err != nil {
		return time.Time{}
	}
	minute := now.In(zone).Truncate(time.Minute)
	m := minute.Hour()*60 + minute.Minute()
	wait := func(until int) int { return (until-m-1+24*60)%(24*60) + 1 }
	return minute.Add(time.Duration(min(wait(h.From), wait(h.To), 15-m%15)) * time.Minute).UTC()
}

// String writes what ParseHours reads, and "" for the zero value.
func (h Hours) String() string {
	if h.IsZero() {
		return ""
	}
	s := fmt.Sprintf("%02d:%02d-%02d:%02d", h.From/60, h.From%60, h.To/60, h.To%60)
	if h.Zone != "" {
		s += " " + h.Zone
	}
	return s
}

// MarshalText writes String.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hours) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*h = Hours{}
		return nil
	}
	*h, err = ParseHours(string(text))
	return err
}
