package portvigil

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2027, 6, 30, 12, 0, 0, 0, time.UTC)

func entryFor(port uint16, edit func(*Entry)) Entry {
	e := Entry{Ports: PortRange{port, port}, Proto: TCP}
	if edit != nil {
		edit(&e)
	}
	return e
}

func listenerOn(address string, port uint16) Listener {
	a := netip.MustParseAddr(address)
	return Listener{Proto: TCP, Address: a, Port: port, Scope: ScopeOf(a)}
}

func at(address string) func(*Entry) {
	return func(e *Entry) { e.Address, _ = parseEntryAddress(address) }
}

func TestAnEntryCoversAListener(t *testing.T) {
	for _, c := range []struct {
		name     string
		entry    Entry
		listener Listener
		now      time.Time
		want     bool
	}{
		{"when protocol and port match and no address is given", entryFor(22, nil), listenerOn("10.1.0.5", 22), noon, true},
		{"not when the port is another", entryFor(22, nil), listenerOn("10.1.0.5", 23), noon, false},
		{"not when the protocol is another", entryFor(22, func(e *Entry) { e.Proto = UDP }), listenerOn("10.1.0.5", 22), noon, false},
		{"when its range holds the port", entryFor(22, func(e *Entry) { e.Ports = PortRange{20, 30} }), listenerOn("::", 30), noon, true},
		{"when the address is the one given", entryFor(22, at("10.1.0.5")), listenerOn("10.1.0.5", 22), noon, true},
		{"when the address is the one given, mapped into IPv6", entryFor(22, at("10.1.0.5")), listenerOn("::ffff:10.1.0.5", 22), noon, true},
		{"when the address lies in the network given", entryFor(22, at("10.1.0.0/24")), listenerOn("10.1.0.5", 22), noon, true},
		{"when a zoned address is the one given", entryFor(22, at("fe80::1")), listenerOn("fe80::1%eth0", 22), noon, true},
		{"not when the address is another", entryFor(22, at("10.1.0.5")), listenerOn("10.1.0.6", 22), noon, false},
		{"not when it takes every address and one is given", entryFor(22, at("10.1.0.5")), listenerOn("0.0.0.0", 22), noon, false},
		{"not when it takes every address and a network that holds 0.0.0.0 is given", entryFor(22, at("0.0.0.0/8")), listenerOn("0.0.0.0", 22), noon, false},
		{"when it takes every address and the wildcard is given", entryFor(22, at("0.0.0.0")), listenerOn("0.0.0.0", 22), noon, true},
		{"when the scope is narrower than what listens, which is a change", entryFor(22, func(e *Entry) { e.Scope = ScopeLoopback }), listenerOn("0.0.0.0", 22), noon, true},
		{"whatever views from names", entryFor(22, func(e *Entry) { e.From = []string{"office"} }), listenerOn("0.0.0.0", 22), noon, true},
		{"in the last second of its last day in UTC", entryFor(22, func(e *Entry) { e.Expires = Date{2027, 6, 30} }), listenerOn("::", 22),
			time.Date(2027, 7, 1, 1, 59, 59, 0, time.FixedZone("CEST", 7200)), true},
		{"not from the first instant after its last day", entryFor(22, func(e *Entry) { e.Expires = Date{2027, 6, 30} }), listenerOn("::", 22),
			time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.entry.CoversInside(c.listener, c.now); got != c.want {
				t.Errorf("CoversInside = %v, want %v", got, c.want)
			}
		})
	}
}

func TestAnEntryCoversWhatAVantageSees(t *testing.T) {
	from := func(names ...string) func(*Entry) { return func(e *Entry) { e.From = names } }
	scope := func(s Scope) func(*Entry) { return func(e *Entry) { e.Scope = s } }
	for _, c := range []struct {
		name  string
		entry Entry
		reach Reach
		want  bool
	}{
		{"when from is empty", entryFor(22, nil), ReachInternet, true},
		{"when from holds the vantage", entryFor(22, from("paris")), ReachInternet, true},
		{"when from holds its reach", entryFor(22, from("office", "internet")), ReachInternet, true},
		{"not when from holds neither", entryFor(22, from("office", "internet")), ReachInternal, false},
		{"not when the entry is for loopback", entryFor(22, scope(ScopeLoopback)), ReachInternal, false},
		{"when a private entry is seen from within", entryFor(22, scope(ScopePrivate)), ReachInternal, true},
		{"not when a private entry is seen from the internet", entryFor(22, scope(ScopePrivate)), ReachInternet, false},
		{"when a public entry is seen from the internet", entryFor(22, scope(ScopePublic)), ReachInternet, true},
		{"when the address matches", entryFor(22, at("203.0.113.0/24")), ReachInternet, true},
		{"not when the address is another", entryFor(22, at("203.0.113.6")), ReachInternet, false},
		{"not when it has expired", entryFor(22, func(e *Entry) { e.Expires = Date{2027, 6, 29} }), ReachInternet, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := c.entry.CoversOutside(netip.MustParseAddr("203.0.113.5"), Door{TCP, 22}, "paris", c.reach, noon)
			if got != c.want {
				t.Errorf("CoversOutside = %v, want %v", got, c.want)
			}
		})
	}
	e := entryFor(22, from(""))
	if e.AsksFor("", "") {
		t.Error("a vantage without a name is held by an empty name")
	}
}

func TestNamedIsTheMostSpecificEntry(t *testing.T) {
	wide := func(why string, group string) Entry {
		return Entry{Ports: PortRange{20, 30}, Proto: TCP, Why: why, Group: group}
	}
	single := func(why string, group string) Entry {
		return Entry{Ports: PortRange{22, 22}, Proto: TCP, Why: why, Group: group}
	}
	b := Baseline{Entries: []Entry{
		wide("host range", ""), single("host single", ""), single("host single, later", ""),
		wide("group range", "db"), single("group single", "db"), {Ports: PortRange{80, 80}, Proto: TCP},
	}}
	want := []string{"host single", "host single, later", "host range", "group single", "group range"}
	for name, got := range map[string][]Entry{
		"inside":  b.CoveringInside(listenerOn("::", 22), noon),
		"outside": b.CoveringOutside(netip.MustParseAddr("203.0.113.5"), Door{TCP, 22}, "v", ReachInternet, noon),
	} {
		var whys []string
		for _, e := range got {
			whys = append(whys, e.Why)
		}
		if diff := cmp.Diff(want, whys); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAHostHasItsOwnEntriesAndThoseOfItsGroups(t *testing.T) {
	docs := []Document{
		{Group: "web", Entries: []Entry{{Why: "of web"}}},
		{Host: "a", Groups: []string{"db", "none"}, Entries: []Entry{{Why: "own"}}, Allow: []Allow{{Why: "own"}}},
		{Group: "db", Entries: []Entry{{Why: "of db"}}, Allow: []Allow{{Why: "of db"}}},
		{Host: "b", Entries: []Entry{{Why: "of another"}}},
	}
	got, found := BaselineFor(docs, "a", "web", "db")
	want := Baseline{
		Entries: []Entry{{Why: "own"}, {Why: "of db", Group: "db"}, {Why: "of web", Group: "web"}},
		Allow:   []Allow{{Why: "own"}, {Why: "of db", Group: "db"}},
	}
	if diff := cmp.Diff(want, got, comparePrefix); diff != "" || !found {
		t.Errorf("found %v (-want +got):\n%s", found, diff)
	}
	if _, found := BaselineFor(docs, "c", "nobody"); found {
		t.Error("a host without a document has one")
	}
	if got, found := BaselineFor(docs, "c", "web"); !found || len(got.Entries) != 1 {
		t.Error("a host is not covered by the document of a group it was added to")
	}
}

var comparePrefix = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
