// Command bench-connect answers: how fast, how complete, how big and how polite
// is the connect scanner beside nmap's, in the same minute on the same machine?
//
//	scanner's namespace ══ veth ══ target's namespace
//	 nmap / portvigil               30 doors, the rest closed; SYN counted
//
// It makes two network namespaces (root is needed), lets `nmap -sT -T4 -p-` and
// an unlimited connect look take turns over all 65,535 ports on IPv4 and IPv6,
// and prints medians, their ratio, what was found and the highest peak memory.
// Then one look at the default rate, while the target counts the SYN in every
// sliding second. It fails when a door was missed, when memory passes 60 MB or
// when any second holds more than 2,500 SYN; time is reported, not judged, as a
// busy machine would.
//
// The command that is measured is bin/portvigil where it has been built, else
// this program itself calling the same package. Everything is torn down, also on
// failure and on a signal.
package main
