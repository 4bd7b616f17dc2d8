package portvigil

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAnAllowLineMatches(t *testing.T) {
	java := Allow{Ports: PortRange{32768, 60999}, Proto: UDP, Process: "/usr/bin/java"}
	door := Door{UDP, 40000}
	for _, c := range []struct {
		name  string
		allow Allow
		seen  AllowSeen
		want  bool
	}{
		{"when all conditions are seen to hold", java, AllowSeen{door, []string{"/usr/bin/java"}, true}, true},
		{"not when the port is outside of its range", java, AllowSeen{Door{UDP, 22}, []string{"/usr/bin/java"}, true}, false},
		{"not when the protocol is another", java, AllowSeen{Door{TCP, 40000}, []string{"/usr/bin/java"}, true}, false},
		{"not when the process is another", java, AllowSeen{door, []string{"/usr/bin/nc"}, true}, false},
		{"not when one of the owners is another", java, AllowSeen{door, []string{"/usr/bin/java", "/usr/bin/nc"}, true}, false},
		{"not when no fresh view can tell the process", java, AllowSeen{door, []string{"/usr/bin/java"}, false}, false},
		{"not when a fresh view could not read the process", java, AllowSeen{door, nil, true}, false},
		{"without a process when no fresh view is there", Allow{Ports: PortRange{40000, 40000}}, AllowSeen{Door: door}, true},
		{"on every port when only a process is named", Allow{Process: "/x"}, AllowSeen{Door{TCP, 1}, []string{"/x"}, true}, true},
		{"not outside of its hours", Allow{Process: "/x", Hours: Hours{From: 60, To: 120}}, AllowSeen{Door{TCP, 1}, []string{"/x"}, true}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.allow.Matches(c.seen, noon); got != c.want {
				t.Errorf("Matches = %v, want %v", got, c.want)
			}
		})
	}
}

func TestHoursAreThoseOfTheClockOnTheWall(t *testing.T) {
	for _, c := range []struct {
		name, hours, now string
		want             bool
	}{
		{"begin on the minute", "01:00-05:00 UTC", "2027-01-10T01:00:00Z", true},
		{"end before the minute", "01:00-05:00", "2027-01-10T05:00:00Z", false},
		{"are those of the place in winter", "01:00-05:00 Europe/Berlin", "2027-01-10T00:30:00Z", true},
		{"are those of the place in summer", "01:00-05:00 Europe/Berlin", "2027-07-10T03:30:00Z", false},
		{"cross midnight, before it", "22:00-02:00", "2027-01-10T23:59:59Z", true},
		{"cross midnight, after it", "22:00-02:00", "2027-01-10T01:59:59Z", true},
		{"cross midnight and end", "22:00-02:00", "2027-01-10T02:00:00Z", false},
		{"last to the end of the day", "22:00-24:00", "2027-01-10T23:59:59Z", true},
		{"are over at midnight", "22:00-24:00", "2027-01-11T00:00:00Z", false},
		{"go on behind the hour that is skipped", "02:00-04:00 Europe/Berlin", "2027-03-28T01:00:00Z", true}, // 03:00 CEST
		{"do not begin before it", "02:00-04:00 Europe/Berlin", "2027-03-28T00:59:59Z", false},               // 01:59 CET
		{"hold in the first of the repeated hours", "02:00-03:00 Europe/Berlin", "2027-10-31T00:30:00Z", true},
		{"hold in the second of the repeated hours", "02:00-03:00 Europe/Berlin", "2027-10-31T01:30:00Z", true},
		{"end behind the repeated hours", "02:00-03:00 Europe/Berlin", "2027-10-31T02:00:00Z", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, err := ParseHours(c.hours)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339, c.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.Contain(now); got != c.want {
				t.Errorf("%s contain %s = %v, want %v", c.hours, c.now, got, c.want)
			}
		})
	}
}

func TestHoursThatMakeNoSenseAreRefused(t *testing.T) {
	for _, s := range []string{"", "1-5", "01:00", "25:00-26:00", "24:00-01:00", "01:60-02:00", "01:00-01:00",
		"01:00-02:00 Mars/Base", "01:00-02:00 Local", "01:00-02:00 ../etc/passwd", "01:00-02:00 Europe/Berlin x"} {
		if h, err := ParseHours(s); err == nil {
			t.Errorf("%q is read as %v", s, h)
		} else if ErrorCode(err) != CodeInvalid {
			t.Errorf("%q: code %s", s, ErrorCode(err))
		}
	}
	if (Hours{From: 0, To: 24 * 60, Zone: "Gone/Away"}).Contain(noon) {
		t.Error("a place that is not known has seen a time")
	}
}

func TestHoursAreWrittenAsTheyAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := Hours{From: rapid.IntRange(0, 24*60-1).Draw(t, "from"), To: rapid.IntRange(0, 24*60).Draw(t, "to"),
			Zone: rapid.SampledFrom([]string{"", "Europe/Berlin", "America/St_Johns"}).Draw(t, "zone")}
		if h.IsZero() {
			t.Skip("no hours")
		}
		got, err := ParseHours(h.String())
		if err != nil || got != h {
			t.Fatalf("%v is read back as %v, %v", h, got, err)
		}
		// A span and its complement are the whole day.
		rest := Hours{From: h.To % (24 * 60), To: h.From, Zone: h.Zone}
		now := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "now"), 0)
		if !rest.IsZero() && h.Contain(now) == rest.Contain(now) {
			t.Fatalf("%v and %v both say %v of %v", h, rest, h.Contain(now), now.UTC())
		}
	})
}
