package lab

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// Variant is one way that a path can be, and the truth about what is at its end.
type Variant struct {
	Name  string
	Truth Truth
	// Least is the time that a look at n ports takes at least, as the path lets no
	// more through; nil for no such bound.
	Least func(n int) time.Duration
	// Limit is how many SYN a second are answered at most; 0 for no such limit.
	Limit int

	rules  string                // of the target's packet filter
	kernel [][2]string           // of the target's settings, under /proc/sys
	six    bool                  // there is no IPv4
	queue  int                   // the scanner's own device takes so many frames a second; 0 for all
	wire   func(*rand.Rand) wire // what stands in the middle; nil for nothing
	routed []End                 // behind a router, in place of the target itself
}

// Queues reports whether frames leave the scanner's own device at the path's pace, so
// that nobody can tell when the scanner sent them.
func (v Variant) Queues() bool { return v.queue > 0 }

// Doors are the target's open ports on most paths: low, high, neighbours and both ends.
func Doors() []uint16 {
	return []uint16{1, 22, 25, 53, 80, 111, 443, 445, 993, 1883, 2049, 3306, 5432, 6379, 8080, 8081, 8443, 9100, 9200,
		11211, 15672, 20000, 27017, 31337, 40001, 40002, 49152, 55555, 65534, 65535}
}

// fewDoors are those that a firewall lets through that drops or rejects the rest.
func fewDoors() []uint16 { return []uint16{22, 80, 443, 8080, 20000, 55555} }

var (
	closed   = Seen{portvigil.StateClosed, portvigil.ReasonReset}
	silent   = Seen{portvigil.StateFiltered, portvigil.ReasonNoResponse}
	answered = Seen{portvigil.StateOpen, portvigil.ReasonSynAck}
)

// onlySYN matches what asks for a connection, in nft's language.
const onlySYN = "tcp flags & (syn|ack) == syn "

// filter is a packet filter with rules for what comes in and what goes out.
func filter(in, out string) string {
	return "table inet path {\nchain in { type filter hook input priority 0;\n" + in +
		"\n}\nchain out { type filter hook output priority 0;\n" + out + "\n}\n}\n"
}

// portList writes ports as nft's and nmap's languages do.
func portList(ports []uint16) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ","), "[]")
}

// Variants are all paths, with what breaks in the middle of a look breaking in the
// middle of one at so many ports.
func Variants(ports int) []Variant {
	return []Variant{
		Healthy(), DefaultDrop(), Lossy(0.05), Bursty(0.05, 20), Delayed(20*time.Millisecond, 30*time.Millisecond),
		SYNLimited(1000), ResetLimited(200), ICMPLimited(), Banned(200, ports/3, 20*time.Second),
		Tarpit(), SYNProxy(), Mended(ports/3, 5*time.Second), Severed(ports / 3), OnlySix(), Routed(), SlowQueue(20_000),
		Rejecting(), RejectingSix(), AnsweredInFront(), Doubled(0.2), Straggling(0.1, 1300*time.Millisecond),
	}
}

// Healthy is a host without a firewall on a good path.
func Healthy() Variant {
	return Variant{Name: "healthy", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete}}
}

// DefaultDrop is a host whose firewall drops everything but what goes to a few doors.
func DefaultDrop() Variant {
	return Variant{Name: "default-drop", Truth: Truth{Doors: fewDoors(), Rest: silent, Ends: EndsComplete},
		rules: filter("meta l4proto tcp tcp dport != {"+portList(fewDoors())+"} drop", "")}
}

// Lossy loses this share of all packets each way, at random.
func Lossy(share float64) Variant {
	lose := fmt.Sprintf("meta l4proto tcp numgen random mod 10000 < %.0f drop", share*10000)
	return Variant{Name: "lossy", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete}, rules: filter(lose, lose)}
}

// Bursty loses this share of all packets each way, in bursts of so many on average.
func Bursty(share, burst float64) Variant {
	// A look that takes the first bursts for a limiter slows down for it, and says so.
	return Variant{Name: "bursty", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete, May: []string{"rate-limited"}},
		wire: func(r *rand.Rand) wire { return &bursty{random: r, share: share, burst: burst} }}
}

// Delayed takes its time each way, for some packets up to jitter more than for others,
// so that they overtake each other.
func Delayed(least, jitter time.Duration) Variant {
	return Variant{Name: "delayed", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete},
		wire: func(r *rand.Rand) wire { return &slow{random: r, least: least, jitter: jitter} }}
}

// SYNLimited lets so many SYN a second through and drops the others. A look at few
// ports may be over before it has found the limiter.
func SYNLimited(perSecond int) Variant {
	return Variant{Name: "syn-limited", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsEither, May: []string{"rate-limited"}},
		Limit: perSecond, Least: atLeast(perSecond),
		rules: filter(fmt.Sprintf(onlySYN+"limit rate over %d/second burst %d packets drop", perSecond, max(perSecond/10, 5)), "")}
}

// ResetLimited is a host that sends so many resets a second, as some systems do: what
// is asked beyond that looks like filtered.
func ResetLimited(perSecond int) Variant {
	return Variant{Name: "reset-limited", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsEither, May: []string{"rate-limited"}},
		Limit: perSecond, Least: atLeast(perSecond),
		rules: filter("", fmt.Sprintf("tcp flags & rst == rst limit rate over %d/second burst %d packets drop", perSecond, max(perSecond/4, 5)))}
}

func atLeast(perSecond int) func(int) time.Duration {
	return func(n int) time.Duration { return time.Duration(n) * time.Second / time.Duration(perSecond) }
}

// ICMPLimited is a firewall that rejects, on a host that sends as few ICMP errors as
// Linux does by itself: one a second to each address, after a few at once (icmp(7),
// icmp_ratelimit).
func ICMPLimited() Variant {
	return Variant{Name: "icmp-limited", Truth: Truth{Doors: fewDoors(), Rest: Seen{State: portvigil.StateFiltered}, Ends: EndsComplete, May: []string{"icmp-limited"}},
		rules: filter("meta l4proto tcp tcp dport != {"+portList(fewDoors())+"} reject", "")}
}

// Banned is a host that falls silent for a while to whoever asks closed ports more
// often than so many times a second, once it did so for a number of them.
func Banned(perSecond, burst int, silence time.Duration) Variant {
	ban := fmt.Sprintf("timeout %ds", int(silence.Seconds()))
	set := "set banned { type ipv4_addr; flags timeout, dynamic; " + ban + "; }\n"
	in := "ip saddr @banned drop\n" + onlySYN + "tcp dport != {" + portList(Doors()) + "} " +
		fmt.Sprintf("limit rate over %d/second burst %d packets add @banned { ip saddr %s } drop", perSecond, burst, ban)
	return Variant{Name: "banned", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsEither, Tells: []string{"blocked", "dead-path", "rate-limited"}, May: []string{"lossy", "not-probed"}},
		rules: strings.Replace(filter(in, ""), "{\n", "{\n"+set, 1)}
}

// Tarpit is a host whose every port takes a connection and never says more.
func Tarpit() Variant {
	return Variant{Name: "tarpit", Truth: Truth{Rest: answered, Ends: EndsComplete, Tells: []string{"tarpit"}, May: []string{"answers-everywhere"}},
		wire: func(*rand.Rand) wire { return tarpit{window: 5} }}
}

// SYNProxy is a host behind a firewall that takes every connection with a window of
// zero before it asks the door (nftables' synproxy, as of DDoS protection).
func SYNProxy() Variant {
	return Variant{Name: "syn-proxy", Truth: Truth{Rest: answered, Ends: EndsComplete, Tells: []string{"syn-proxy"}, May: []string{"answers-everywhere"}},
		kernel: [][2]string{{"net/netfilter/nf_conntrack_tcp_loose", "0"}, {"net/ipv4/tcp_syncookies", "1"}},
		rules: "table inet path {\nchain first { type filter hook prerouting priority raw;\n" + onlySYN + "notrack\n}\n" +
			"chain in { type filter hook input priority filter;\n" +
			"meta l4proto tcp ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm\nct state invalid drop\n}\n}\n"}
}

// Mended is a path that is cut after so many SYN, and whole again after a while.
func Mended(after int, lasts time.Duration) Variant {
	return Variant{Name: "mended", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsEither, May: []string{"blocked", "dead-path", "rate-limited", "lossy", "not-probed"}},
		wire: func(*rand.Rand) wire { return &severed{after: after, lasts: lasts} }}
}

// Severed is a path that is cut for good after so many SYN.
func Severed(after int) Variant {
	return Variant{Name: "severed", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsIncomplete, Tells: []string{"dead-path", "blocked"}, May: []string{"rate-limited", "not-probed"}},
		wire: func(*rand.Rand) wire { return &severed{after: after} }}
}

// OnlySix is a healthy host without IPv4.
func OnlySix() Variant {
	return Variant{Name: "ipv6-only", six: true, Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete}}
}

// Routed is a network of 65,536 addresses behind a router, with a handful of hosts. Of
// the other addresses most are silent; 10.98.2.0/24 the router has no way to, and says
// so as often as Linux does: once a second.
func Routed() Variant {
	host := func(address string, t Truth) End { return End{netip.MustParseAddr(address), t} }
	healthy := Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete}
	dropping := Truth{Doors: []uint16{22, 443}, Rest: silent, Ends: EndsComplete}
	nobody := Truth{Rest: silent, Ends: EndsIncomplete, Tells: []string{"no-answer"}}
	noWay := Truth{Rest: Seen{State: portvigil.StateFiltered}, Ends: EndsIncomplete, Tells: []string{"dead-path"}, May: []string{"no-answer", "not-probed"}}
	return Variant{Name: "routed", Truth: healthy,
		routed: []End{host("10.98.0.10", healthy), host("10.98.129.7", dropping), host("10.98.255.254", healthy), host("10.98.77.1", nobody), host("10.98.2.9", noWay)},
		rules:  filter("ip daddr { 10.98.0.10, 10.98.255.254 } accept\nip daddr 10.98.129.7 tcp dport { 22, 443 } accept\nip daddr 10.98.0.0/16 drop", "")}
}

// SlowQueue is a healthy host that is looked at through a device which takes so many
// frames a second, and has a short queue: the kernel refuses what is more (ENOBUFS).
func SlowQueue(perSecond int) Variant {
	return Variant{Name: "slow-queue", queue: perSecond, Least: atLeast(perSecond),
		Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete, May: []string{"rate-limited"}}}
}

// refusal is a way to reject in nft's language, and what it looks like.
type refusal struct {
	with  string
	state portvigil.PortState
	why   portvigil.Reason
}

// Rejecting is a firewall with a range of ports for every way to reject over IPv4: each
// code that says unreachable (RFC 792, RFC 1812 section 5.2.7.1), and the reset.
func Rejecting() Variant {
	list := []refusal{{"tcp reset", portvigil.StateClosed, portvigil.ReasonReset}}
	for _, r := range [][2]string{{"net-unreachable", "icmp-3-0"}, {"host-unreachable", "icmp-3-1"}, {"prot-unreachable", "icmp-3-2"}, {"port-unreachable", "port-unreachable"},
		{"net-prohibited", "icmp-3-9"}, {"host-prohibited", "icmp-3-10"}, {"admin-prohibited", "icmp-3-13"}} {
		list = append(list, refusal{"icmp type " + r[0], portvigil.StateFiltered, portvigil.Reason(r[1])})
	}
	return rejecting("rejecting", "ipv4", list)
}

// RejectingSix is the same over IPv6, with every code of RFC 4443 section 3.1.
func RejectingSix() Variant {
	list := []refusal{{"tcp reset", portvigil.StateClosed, portvigil.ReasonReset}}
	for _, r := range [][2]string{{"no-route", "icmp6-1-0"}, {"admin-prohibited", "icmp6-1-1"}, {"addr-unreachable", "icmp6-1-3"}, {"port-unreachable", "port-unreachable"},
		{"policy-fail", "icmp6-1-5"}, {"reject-route", "icmp6-1-6"}} {
		list = append(list, refusal{"icmpv6 type " + r[0], portvigil.StateFiltered, portvigil.Reason(r[1])})
	}
	v := rejecting("rejecting-6", "ipv6", list)
	v.six = true
	beyond := portvigil.PortRange{First: 1901, Last: 1910}
	v.wire = func(*rand.Rand) wire { return beyondScope{beyond} }
	v.Truth.Apart = append(v.Truth.Apart, Apart{beyond, Seen{portvigil.StateFiltered, "icmp6-1-2"}})
	return v
}

func rejecting(name, family string, list []refusal) Variant {
	v := Variant{Name: name, Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete},
		// The limits of ICMP errors are what ICMPLimited is about.
		kernel: [][2]string{{"net/ipv4/icmp_ratemask", "0"}, {"net/ipv6/icmp/ratelimit", "0"}}}
	var rules strings.Builder
	for i, r := range list {
		ports := portvigil.PortRange{First: uint16(1001 + 100*i), Last: uint16(1010 + 100*i)}
		fmt.Fprintf(&rules, "meta nfproto %s tcp dport %s reject with %s\n", family, ports, r.with)
		v.Truth.Apart = append(v.Truth.Apart, Apart{ports, Seen{r.state, r.why}})
	}
	v.rules = filter(rules.String(), "")
	return v
}

// AnsweredInFront is a host for whose closed ports something answers that is three hops
// nearer.
func AnsweredInFront() Variant {
	return Variant{Name: "in-front", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete, Tells: []string{"answered-in-front"}},
		rules: filter("", "tcp flags & rst == rst ip ttl set 61")}
}

// Doubled is a path on which this share of the answers comes twice.
func Doubled(share float64) Variant {
	return Variant{Name: "doubled", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete, Tells: []string{"duplicates"}},
		wire: func(r *rand.Rand) wire { return &doubling{random: r, share: share, later: 5 * time.Millisecond} }}
}

// Straggling is a path on which this share of the answers takes so long.
func Straggling(share float64, late time.Duration) Variant {
	return Variant{Name: "straggling", Truth: Truth{Doors: Doors(), Rest: closed, Ends: EndsComplete, May: []string{"rate-limited"}},
		wire: func(r *rand.Rand) wire { return &straggling{random: r, share: share, late: late} }}
}
