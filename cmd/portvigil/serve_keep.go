package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/store"
)

const (
	// defaultKeep is a quarter of a year, in which most of what was overlooked comes
	// up: 1 MiB a host of looks.
	defaultKeep = "90d"
	keepHelp    = "how long each look is kept, such as 90d or 2160h, at least 48h; 0 or forever: always. What was open when stays for good"
)

// parseKeep reads days, or a span as Go writes it.
func parseKeep(text string) (time.Duration, error) {
	if text == "forever" || text == "0" {
		return store.Forever, nil
	}
	var keep time.Duration
	days, isDays := strings.CutSuffix(text, "d")
	n, err := strconv.ParseUint(days, 10, 16)
	if keep = time.Duration(n) * 24 * time.Hour; !isDays || err != nil {
		keep, err = time.ParseDuration(text)
	}
	switch {
	case err != nil:
		return 0, portvigil.Errorf(portvigil.CodeInvalid, "--keep %s is no span of time", portvigil.Quoted(text)).
			WithHint("write 90d, 2160h or forever")
	case keep < store.ShortestKeep:
		return 0, portvigil.Errorf(portvigil.CodeInvalid, "--keep %s is too short: what is missing or shut takes two daily looks to tell", portvigil.Printable(text)).
			WithHint("keep at least 48h, or forever")
	}
	return keep, nil
}
