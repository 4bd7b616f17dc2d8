// Package scan is the outside view: which TCP ports of an address answer?
//
//	targets ─> plan ──────> pace ───────> engine ──────> decide ──> Look
//	           which port   when may it   sends, hears   states,
//	           is next      leave         (SYN, connect) completeness
//	             ▲            ▲                            │
//	             └────────────┴──── the conductor ◄────────┘
//	               (retries, known doors, dead path, back-off)
//
// The conductor joins plan, pace and decide and knows neither sockets nor a
// clock: an engine asks it what to send and tells it what came back, so that
// every way of sending follows the same rules. There are two:
//
//   - SYN (syn_linux.go) sends packets of its own, with CAP_NET_RAW: one loop that
//     writes segments and reads replies out of a ring, below the kernel's firewall.
//     A reply counts where it acknowledges the keyed sequence number of a probe.
//   - connect needs no privilege: on Linux one or two epoll loops over non-blocking
//     sockets, elsewhere a bounded number of dialers.
//
// Promises: a host never gets more SYN in any second than its ceiling, retries
// and re-probed doors included. A port is "closed" only if its own reset said
// so; a rejecting firewall makes it "filtered" with the ICMP type and code as
// the reason. A look is complete only if every port answered, or stayed silent
// in three tries while doors known to answer kept answering; anything else ends
// incomplete with a note that begins with a code. The trouble of the own
// machine (no descriptors, no ports, no buffers) slows a look and is never a
// state.
//
// Refused: addresses that are never a target (portvigil.NeverTarget), and UDP.
// The default state of an incomplete look says nothing about ports that it did
// not reach; its notes tell how many those are.
//
// Begin with Look in look.go, then conduct.go.
package scan
