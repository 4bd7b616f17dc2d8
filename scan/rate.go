package scan

import (
	"strconv"

	portvigil "github.com/portvigil/portvigil"
)

// autoRate is the ceiling of SYN per second to one host unless the operator
// says otherwise: a full look takes half a minute, and small firewalls and
// connection trackers bear it.
const autoRate = 2500

// Rate is the ceiling of SYN per second to one host. The zero value is auto,
// 2,500 at most.
type Rate struct {
	PerSecond int  // 0: auto
	Unlimited bool // no ceiling; the look still backs off when the host or the path shows strain
}

// ParseRate reads auto, unlimited, or a number of SYN per second.
func ParseRate(s string) (Rate, error) {
	switch s {
	case "", "auto":
		return Rate{}, nil
	case "unlimited":
		return Rate{Unlimited: true}, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return Rate{}, portvigil.Errorf(portvigil.CodeInvalid, "rate %q is neither auto, unlimited nor a number of SYN a second from 1", s)
	}
	return Rate{PerSecond: n}, nil
}

// String writes the rate as ParseRate reads it.
func (r Rate) String() string {
	switch {
	case r.Unlimited:
		return "unlimited"
	case r.PerSecond == 0:
		return "auto"
	}
	return strconv.Itoa(r.PerSecond)
}

// ceiling is the lowest of the host's rate and the rate in all; 0 is none.
func (r Rate) ceiling(inAll int) int {
	host := r.PerSecond
	if host == 0 {
		host = autoRate
	}
	if r.Unlimited {
		host = 0
	}
	if inAll > 0 && (host == 0 || inAll < host) {
		return inAll
	}
	return host
}
