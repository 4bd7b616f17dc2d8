// Package lab answers: does it work on a real host? It makes hosts out of network
// namespaces, runs real daemons on them, and breaks the way between them. Only
// tests import it.
//
//	   10.99.0.1                10.99.0.2                10.99.0.3
//	┌───────────┐            ┌───────────┐            ┌───────────┐
//	│  scanner  │            │  target   │            │   mail    │  one network
//	│ the built │            │   nginx   │            │ Mailbox   │  namespace each
//	│ portvigil │            │   sshd    │            │ Receiver  │
//	└───────────┘            └───────────┘            └───────────┘
//	     eth0                     eth0                     eth0
//	      │                        ╳ Cut                    │         veth pairs
//	┌─────┴────────────────────────┴────────────────────────┴─────┐
//	│                        br0, the switch                      │  its own, too
//	└─────────────────────────────────────────────────────────────┘
//
// It promises:
//   - No way out. The switch has no uplink: what a test sends stays in the lab.
//   - No trace. Namespaces, processes, units and files go when the test ends,
//     failed or not. Processes die with the test process (PR_SET_PDEATHSIG);
//     what a killed one leaves is named after its process id, and the next lab
//     on the machine sweeps it up.
//   - No meeting. Labs of parallel tests, and of other people's runs on the same
//     machine, use the same addresses and never see each other.
//   - No guessing when something is ready: a daemon is started when it listens,
//     a mail has come when it is in the inbox.
//   - The machine's own services and settings are not touched. Two folders are
//     made where they are missing, because a program has their path built in:
//     /run/netns (iproute2) and /run/sshd (OpenSSH). axe-core lies in the user's
//     cache, where lab/install puts it.
//
// It refuses to run without root, and skips the test with the reason; so it does
// where a program is missing (Require). With CI=true a skip counts as a failure
// (lab/runtests).
//
// A Browser is a further host, with a Chromium in it: Forward leads its loopback
// to a server's, as ssh -L does, and a Tab is used as people do. A tab hears of all
// that the Content-Security-Policy stops in its pages, and fails its test for it.
//
// What somebody says who wants more than to be read is in lab/hostile. A Liar says it
// from outside; what pages are made of with it, and without, is their Anatomy.
//
// Hosts share the machine's process ids, users and files.
//
// A Path is another plan than a switch: a scanner, a target, and between the two what
// goes wrong in the world. A Variant is one such way, with the Truth about what is at
// its end: which ports are open, what every other one looks like, and whether anybody
// can be sure of it.
//
//	p := lab.New(t).Path(t, lab.Lossy(0.05))
//	// look from p.Scanner at p.Ends[0].Address, and hold it against p.Ends[0].Truth
//
//	what                                                  where it is made
//	healthy, ipv6-only                                    nothing is in the way
//	default-drop, lossy, syn-limited, reset-limited,      the target's packet filter
//	icmp-limited, banned, syn-proxy, rejecting, in-front  (nftables)
//	bursty, delayed, doubled, straggling, tarpit,         a forwarder in a third namespace,
//	mended, severed                                       which asks a wire about each frame
//	slow-queue                                            a TAP device that is read slowly
//	routed                                                a kernel that forwards, in front of
//	                                                      a /16 that is one namespace's own
//
// No netem is needed, which many kernels lack. A wire decides by a seeded generator and
// has no clock, so that it is tested without root; a forwarder bears some 200,000 frames
// a second on two cores beside whoever sends and receives them, which is less than a
// blast over a bare veth. What a forwarder loses by itself is told by the test.
//
// make bench-scan (sidebyside_test.go) has scanners take turns on all of them; its time
// is the wall clock's of the whole command, packets are those that left the scanner's
// device, and SYN a second are of every sliding second, by the kernel's time stamps on
// the other end of that. make bench-recall is TestLooksSeeWhatIsThere with more looks.
//
// make bench-fleet lives here (fleet_test.go) and in cmd/portvigil
// (serve_day_test.go). How it comes to its figures:
//   - 500 hosts are one namespace that answers at 500 addresses in five /24, with
//     20 doors. All are imported into an empty server, and all report from inside,
//     so that each wants two looks at once: at all ports, and at its doors.
//   - Looks at a time are the requests that the database calls running, each second.
//   - SYN a second are counted by the target's packet filter, for each /24, and
//     read each second; the time of a reading counts for both of its neighbours.
//   - Memory is Rss and Pss of /proc/PID/smaps_rollup, each second, of all four
//     processes: Rss counts in each process what it shares with the others, Pss
//     its part alone. The peak is of their sum; five passwords are hashed meanwhile.
//   - The plan of a day, and what it adds to the database, are of two days that pass
//     by a made-up clock, in the server's own engine and database. Looks are made
//     up too and take 27 s each. Every host is reported hourly from inside.
//
// Begin at Lab.New in lab.go and Host in host.go; daemons.go has the targets,
// mailbox.go and receiver.go the other ends of notifications, browser.go and
// tab.go the pages' readers, usable.go what keeps them from a page, path.go, variant.go
// and wire.go what is between a scanner and a target, lab_test.go and browser_test.go
// all of them in use.
package lab
