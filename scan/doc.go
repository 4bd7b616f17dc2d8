// Package scan is the outside view: which ports of an address answer?
//
//	targets ─> plan ──────> pace ───────> engine ──────> decide ──> Look
//	           which port   when may it   sends, hears   states,
//	           is next      leave         (SYN, connect) completeness
//	             ▲            ▲                            │
//	             └────────────┴──── the conductor ◄────────┘
//	        (passes, questions to known doors, loss, dead path, strain)
//
// The conductor joins plan, pace and decide and knows neither sockets nor a
// clock: an engine asks it what to send and tells it what came back, so that
// every way of sending follows the same rules. There are two:
//
//   - SYN (syn_linux.go) sends packets of its own, with CAP_NET_RAW: one loop for all
//     looks that are under way, which writes segments and reads replies out of a ring,
//     below the kernel's firewall. A reply counts where it acknowledges the keyed
//     sequence number of a probe.
//   - connect needs no privilege: on Linux one or two epoll loops over non-blocking
//     sockets, elsewhere a bounded number of dialers.
//
// A sweep (sweep.go) is looks at any number of addresses. Targets are counted and not
// listed, their order is computed as it goes, and another look is begun whenever the
// rate in all has room, so that memory goes by how many looks are under way and probes
// are spread over all hosts. A checkpoint keeps what answered, as it comes.
//
// Promises: a host never gets more SYN in any second than its ceiling, retries
// and re-probed doors included. A port is "closed" only if its own reset said
// so; a rejecting firewall makes it "filtered" with the ICMP type and code as
// the reason. A look is complete only if every port answered, or stayed silent
// so often, while doors known to answer kept answering, that its silence is
// believed; anything else ends incomplete with a note that begins with a code. The
// trouble of the own machine (no descriptors, no ports, no buffers) slows a look and
// is never a state.
//
// How sure a look is. It goes in passes, each over all ports that are still silent,
// in another random order. At random moments of each pass doors that are known to
// answer are asked as well: the share of them that stays unanswered is a fair sample
// of what the pass lost, however its losses cluster, and has an exact upper bound.
// As the orders have nothing to do with each other, the product of the bounds of the
// passes in which a port was silent bounds the probability that it is open and was
// missed. Passes follow until that is below 1e-6: two where 3,000 questions all were
// answered, seven where a tenth of everything is lost. Connecting, which cannot hear
// what comes late, asks three times at least and states no probability. Silence during
// an outage (more questions unanswered in a row than chance explains) does not count,
// nor does any before the first door of a kind is known.
//
// UDP is another matter (datagrams.go): an open port answers only what it understands
// (payload.go), a closed one by an ICMP error, of which hosts send few. Silence is open
// or filtered, and a look is complete when every port was asked and a door answered
// before and after. An answer counts where it repeats what nobody can guess (echo.go), and
// any other, errors included, where it comes again to fresh sockets and not to those
// beside them that ask nothing (confirm.go, with the odds).
//
// Refused: addresses that are never a target (portvigil.NeverTarget).
// The default state of an incomplete look says nothing about ports that it did
// not reach; its notes tell how many those are.
//
// Begin with Look in look.go, then sweep.go, conduct.go and passes.go.
package scan
