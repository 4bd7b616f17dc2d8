// Command bench-scan answers: how fast, how complete and how polite is the scanner
// beside nmap and masscan, in the same minute on the same machine?
//
//	scanner's namespace ══ veth ══ target's namespace
//	 nmap / masscan / portvigil     doors, a firewall or limiter by nftables; SYN counted
//
// It makes two network namespaces (root is needed) and gives the target one path
// after the other: healthy, dropping, lossy, limited, banning. On each all scanners
// take turns over all 65,535 ports, and a table tells the median of their times, the
// packets that they sent, what they found of what is there, and how many states were
// wrong. Then PortVigil looks once at its default rate, while the target counts the
// SYN in every sliding second.
//
// With -udp it is a thousand UDP ports, some with Debian's own daemons behind them.
// With -connect it is the connect scan beside `nmap -sT`, on IPv4 and IPv6.
//
// It fails when PortVigil missed a door or claimed a wrong state in a look that it
// called complete, when the connect scan's memory passes 60 MB, or when any second
// holds more than 2,500 SYN. Time is reported, not judged, as a busy machine would.
//
// The command that is measured is bin/portvigil where it has been built. Everything
// is torn down, also on failure and on a signal.
package main
