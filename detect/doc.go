// Package detect answers: what is behind this open port?
//
// It learns the most with the fewest, harmless bytes. It listens first, asks
// only when nobody spoke, and lets each answer choose the next question:
//
//	          ┌ a greeting ───────────────────────────────┐
//	connect ─> listen ─ silence ─> GET / ─> INFO server    │
//	   │                            │  (Redis)             v
//	   │                            │             every protocol reads
//	   └ port where TLS is usual    │ "this is    every answer; the first
//	                 │              v  TLS"       that knows it decides
//	                 └────> ClientHello ───────>           │
//	                         listen or GET / inside        v
//	                                              ask further: SSH host key,
//	                                              /metrics of an exporter
//
// Where to begin reading: [Identify] is one endpoint, [Annotate] every open
// port of a look. protocol.go says what a protocol is; then each protocol has
// one small file (ssh.go, smtp.go, http.go, …): when to ask, what to send, how
// to read; its test file holds the example answers. To add one, write such a
// file and add it to the list in protocol.go; Options.Explain shows every byte
// and which rule said what.
//
// Promises:
//   - An endpoint takes no longer than Options.Timeout, six seconds unless set
//     otherwise, and at most 512 KiB are read of a connection, whatever the
//     peer does: drip, flood, reset, or babble in broken TLS.
//   - What reaches Name, Product, Version, Title, Package, CPE and Certificate
//     is printable text of bounded length; the bytes as they came are in Banner
//     only, at most 2 KiB of them.
//   - A field is filled where the peer's own bytes say so. Distribution
//     packages are told where the banner tells their revision, and not where
//     the build comes from another archive than the distribution's.
//   - No goroutine of ours is left behind.
//
// What it refuses: it never logs in, never sends a command that changes
// anything, follows no redirect, and sends nothing to what may be a printer
// (printer.go says how that is told).
//
// What it costs the other side: one to four connections. An SSH server logs one
// line, that the connection ended before authentication (OpenSSH 9.8 and later
// count it towards PerSourcePenalties, one second each, and refuse only above
// fifteen). A web server logs one line for GET / and one more where it is asked
// for /metrics. Redis at a port where it is not usual takes GET / for an attack,
// says so in one line and hangs up. MySQL and MariaDB count a greeting that is
// not answered, as they do each bare connection of a port scan, towards
// max_connect_errors of the scanner's address; a blocked one is still recognised.
//
// Confidence is how surely product and version are what they say:
//
//	 0  nothing is known but the bytes
//	50  the protocol is known, the product is not
//	60  a product in the peer's own words that no rule here knows
//	70  a product told by the wording of an answer
//	80  a known product's banner
//	90  the service's own structured answer about itself
package detect
