// Package portvigil answers: which doors are open on these servers, should they
// be, and who has to hear of it? It holds the words that all other packages
// speak and the rules that they follow, as plain types and pure functions: it
// reads no file, opens no socket, and asks no clock. Whoever calls gives it the
// time.
//
//	targets ──> scan ──> detect ──┐                                  ┌─> notify ──> people
//	                              ├─> Look ──> Join ──> Reconcile ──> Alert
//	sockets ──> inside ───────────┘    │        │                      │
//	                                Trail    Baseline <── resolution ──┘
//
// # For which need
//
// To say what was seen: [Look] is one run of one view (outside from a vantage, or
// inside) with what it covered, whether it is complete, and its observations.
// [Listener], [Process] and [Service] are what stands behind a door; [Endpoint]
// and [Door] name one; [PortSet] writes many, as people do: 22,80,8000-8100.
//
// To remember it: [Trail] folds the looks of a host, in any order of arrival, to
// the same standing, newest sequence number first.
//
// To say what should be: [ParseBaseline] reads the YAML that people keep in git,
// with line and column in its errors; [ApproveEntries] and [RemoveEntry] edit one
// entry and leave every other byte as it was. [ImportSS] and [ImportNmapXML] start
// a baseline from what somebody saved.
//
// To compare: [Join] takes everything known about a host and returns an
// [Exposure], with its one [Verdict], for every door. [KindInfo] says of each
// kind of finding how bad it is, why it matters and what to do.
//
// To have it resolved: [Reconcile] holds the exposures against the alerts and
// returns what has changed; an [Alert] is open until the baseline explains the
// door or a complete look finds it shut.
//
// To stay away from what is not ours: [TargetScope] and [NeverTarget] decide what
// may be scanned, before a packet leaves.
//
// # What holds throughout
//
//   - Not seen is not closed. Only a complete look that covered a door may close
//     it; unknown is a value of its own, and the zero value of each enumeration.
//   - One cause is told once: one alert for a host, protocol and port.
//   - What a scanned host sends is hostile until [Printable], or the escaper of
//     where it is shown, has made it harmless.
//   - Enumerations are strings whose value is the word on the wire. Fields and
//     words may be added; none is renamed.
//
// Begin reading at endpoint.go and look.go, then exposure.go.
package portvigil
