package portvigil

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const contractBaseline = `version: 1
host: db1                  # or  group: databases
groups: [databases]
entries:
  - port: 5432             # or a range, 30000-30100
    proto: tcp
    address: 10.1.0.5      # or a CIDR; empty: every address
    scope: private         # loopback, private, public, any; empty: not checked
    from: [office]         # vantages, internet, internal; empty: every one
    service: PostgreSQL    # what it is, for people
    pin: {product: PostgreSQL, exe: /usr/lib/postgresql/15/bin/postgres}   # what makes it "changed"
    why: the shop's database
    owner: ann
    expires: 2027-06-30    # optional, as is  review: monthly
allow:                     # what comes and goes by design
  - {ports: 32768-60999, proto: udp, process: /usr/bin/java, hours: "01:00-05:00 Europe/Berlin", why: nightly build, owner: ci}
`

func TestTheDocumentedBaselineIsRead(t *testing.T) {
	want := []Document{{Host: "db1", Groups: []string{"databases"}, Line: 1,
		Entries: []Entry{{Ports: PortRange{5432, 5432}, Proto: TCP, Address: netip.MustParsePrefix("10.1.0.5/32"),
			Scope: ScopePrivate, From: []string{"office"}, Service: "PostgreSQL",
			Pin: Pin{Product: "PostgreSQL", Exe: "/usr/lib/postgresql/15/bin/postgres"},
			Why: "the shop's database", Owner: "ann", Expires: Date{2027, 6, 30}, Line: 5}},
		Allow: []Allow{{Ports: PortRange{32768, 60999}, Proto: UDP, Process: "/usr/bin/java",
			Hours: Hours{60, 300, "Europe/Berlin"}, Why: "nightly build", Owner: "ci", Line: 16}},
	}}
	for name, text := range map[string]string{
		"as it stands":            contractBaseline,
		"with Windows line ends":  strings.ReplaceAll(contractBaseline, "\n", "\r\n"),
		"with a byte order mark":  "\ufeff" + contractBaseline,
		"without a last new line": strings.TrimSuffix(contractBaseline, "\n"),
	} {
		got, err := ParseBaseline("b.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, comparePrefix); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatIsLeftOutIsNotAsserted(t *testing.T) {
	docs, err := ParseBaseline("b", []byte("version: 1\ngroup: web\nentries:\n- port: 80-90\n  why:\n  expires: ~\n  pin: {exe: , user: \"\"}\n---\nversion: 1\nhost: 10.1\nentries:\n"))
	want := []Document{
		{Group: "web", Line: 1, Entries: []Entry{{Ports: PortRange{80, 90}, Proto: TCP, Pin: Pin{Empty: []string{"exe", "user"}}, Group: "web", Line: 4}}},
		{Host: "10.1", Line: 9},
	}
	if diff := cmp.Diff(want, docs, comparePrefix); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if !docs[0].Entries[0].Unexplained() {
		t.Error("an entry without why is explained")
	}
}

func TestWhatIsWrongIsToldWithItsPlace(t *testing.T) {
	const head = "version: 1\nhost: a\nentries:\n"
	for _, c := range []struct{ name, text, want string }{
		{"an empty file", "", `b.yaml:1:1: the file is empty; begin it with version: 1, host: NAME and entries:`},
		{"a file of comments", "# soon\n", `b.yaml:1:1: the file holds no document; begin it`},
		{"a port with a letter", head + "  - port: 22\n  - port: 54320a\n", `b.yaml:5:11: entries[1].port: "54320a" is not a port; write a number 1-65535 or a range like 30000-30100`},
		{"port zero", head + "  - port: 0\n", `b.yaml:4:11: entries[0].port: "0" begins with a zero`},
		{"an octal port", head + "  - port: 022\n", `b.yaml:4:11: entries[0].port: "022" begins with a zero`},
		{"a port that is too big", head + "  - port: 65536\n", `b.yaml:4:11: entries[0].port: "65536" is not a port`},
		{"a range that ends before it begins", head + "  - port: 30-20\n", `b.yaml:4:11: entries[0].port: "30-20" is not a port`},
		{"an entry without a port", head + "  - why: x\n", `b.yaml:4:5: entries[0].port is missing`},
		{"a mistyped key", head + "  - port: 22\n    ownr: ann\n", `b.yaml:5:5: entries[0]: unknown key "ownr"; did you mean "owner"?`},
		{"a key that is like none", head + "  - port: 22\n    colour: red\n", `b.yaml:5:5: entries[0]: unknown key "colour"; it can be port, proto`},
		{"a mistyped pin", head + "  - port: 22\n    pin: {exec: /x}\n", `b.yaml:5:11: entries[0].pin: unknown key "exec"; did you mean "exe"?`},
		{"a key that stands twice", head + "  - port: 22\n    why: a\n    why: b\n", `b.yaml:6:5: entries[0]: "why" stands twice`},
		{"a column behind wide characters", head + "  - {why: \"日本\", port: x}\n", `b.yaml:4:23: entries[0].port: "x" is not a port`},
		{"a protocol that is none", head + "  - port: 22\n    proto: sctp\n", `b.yaml:5:12: entries[0].proto: protocol "sctp" is neither tcp nor udp`},
		{"an address that is none", head + "  - port: 22\n    address: localhost\n", `b.yaml:5:14: entries[0].address: "localhost" is not an address`},
		{"a network with bits beyond its length", head + "  - port: 22\n    address: 10.1.0.5/24\n", `has bits beyond its length; write 10.1.0.0/24`},
		{"a mistyped scope", head + "  - port: 22\n    scope: pubic\n", `"pubic" is not a scope; did you mean "public"?`},
		{"a date that no month has", head + "  - port: 22\n    expires: 2027-02-30\n", `b.yaml:5:14: entries[0].expires: "2027-02-30" is not a date; write it as 2027-06-30`},
		{"a list where a text belongs", head + "  - port: 22\n    why: [a]\n", `b.yaml:5:10: entries[0].why: expected a single value, found a list`},
		{"a text where a list belongs", "version: 1\nhost: a\nentries: none\n", `b.yaml:3:10: entries: expected a list, found a single value`},
		{"an entry that is a number", head + "  - 22\n", `b.yaml:4:5: entries[0]: expected keys with values, found a single value`},
		{"no version", "host: a\n", `b.yaml:1:1: version is missing; write version: 1`},
		{"a version to come", "version: 2\nhost: a\n", `b.yaml:1:10: version: "2" is not one that this program reads`},
		{"no host", "version: 1\nentries: []\n", `b.yaml:1:1: neither host nor group is named`},
		{"host and group", "version: 1\nhost: a\ngroup: b\n", `b.yaml:1:1: host and group in one document`},
		{"groups of a group", "version: 1\ngroup: a\ngroups: [b]\n", `b.yaml:1:1: a group has no groups`},
		{"two documents for one host", "version: 1\nhost: a\n---\nversion: 1\nhost: a\n", `b.yaml:4:1: a second document for host a, the first is on line 1`},
		{"allow without a limit", "version: 1\nhost: a\nallow:\n  - {why: x}\n", `b.yaml:4:5: allow[0]: neither ports nor process limits it`},
		{"a process that is no path", "version: 1\nhost: a\nallow:\n  - {process: java}\n", `b.yaml:4:15: allow[0].process: "java" is not a path`},
		{"hours of nowhere", "version: 1\nhost: a\nallow:\n  - {process: /x, hours: \"01:00-02:00 Mars/Base\"}\n", `b.yaml:4:26: allow[0].hours: "01:00-02:00 Mars/Base" names a time zone that is not known`},
		{"a quote that is never closed", head + "  - port: 22\n    why: \"the sh", `b.yaml:5:10: could not find end character of double-quoted text; the file may have been cut off here`},
		{"a bracket that is never closed", head + "  - port: 22\n    pin: {product: Post", `the file may have been cut off here`},
		{"a key cut in half", head + "  - port: 22\n    prot", `b.yaml:5:5: `},
		{"an anchor", head + "  - &a {port: 22}\n  - *a\n", `b.yaml:4:5: anchors and aliases have no place in a baseline`},
		{"a tag", head + "  - port: !!int 22\n", `b.yaml:4:11: "!!int" has no meaning in a baseline`},
		{"bytes that are not UTF-8", head + "  - port: 22\n    why: \xff\n", `b.yaml:5:10: a byte that is not UTF-8`},
		{"a nul", "version: 1\x00", `b.yaml:1:11: control character U+0000`},
		{"a carriage return alone", "version: 1\rhost: a", `b.yaml:1:11: a carriage return without a line feed`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			docs, err := ParseBaseline("b.yaml", []byte(c.text))
			if err == nil {
				t.Fatalf("it is read as %+v", docs)
			}
			if docs != nil || ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("docs %v, code %s\n got %s\nwant %s", docs, ErrorCode(err), err, c.want)
			}
		})
	}
}

func TestEverythingThatIsWrongIsToldAtOnce(t *testing.T) {
	_, err := ParseBaseline("b", []byte("version: 1\nhost: a\nentries:\n"+strings.Repeat("  - {port: x, proto: y}\n", 100)))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxBaselineErrors+1 || lines[len(lines)-1] != "b: 150 more errors; mend these first" {
		t.Errorf("%d lines, the last: %s", len(lines), lines[len(lines)-1])
	}
}

// What a small text can ask of the library is bounded before it is parsed.
func TestHostileTextsAreRefusedEarly(t *testing.T) {
	for name, text := range map[string]string{
		"a file that is too long":  strings.Repeat("#", maxBaselineBytes+1),
		"brackets within brackets": "a: " + strings.Repeat("[", 50_000),
		"dashes within dashes":     strings.Repeat("- ", 50_000),
		"a hundred thousand keys":  strings.Repeat("k: 1\n", 50_000),
		"keys within brackets":     "{" + strings.Repeat("k: 1,", 50_000) + "}",
		"questions":                strings.Repeat("? ", 50_000),
		"colons":                   strings.Repeat("a: ", 50_000),
		"tags":                     strings.Repeat("!!a ", 50_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := ParseBaseline("b", []byte(text)); ErrorCode(err) != CodeInvalid {
				t.Errorf("error %v", err)
			}
		})
	}
}

// FuzzParseBaseline: nothing panics, and what is read is written so that it is
// read the same.
func FuzzParseBaseline(f *testing.F) {
	f.Add([]byte(contractBaseline))
	f.Add([]byte("version: 1\nhost: a\nentries: [{port: 1-2, why: 'it''s', from: x}]\n---\nversion: 1\ngroup: b\nentries:\n- port: 1\n  why: |\n    a\n    # b\n  pin:\n    exe: \"\\x41\"\n"))
	f.Add([]byte("version: 1\nhost: \"a\\u0085b\"\nallow:\n  - ports: 1\n    hours: 22:00-02:00\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		docs, err := ParseBaseline("f", text)
		if err != nil {
			if ErrorCode(err) != CodeInvalid {
				t.Fatalf("code %s of %v", ErrorCode(err), err)
			}
			return
		}
		again, err := ParseBaseline("again", FormatBaseline(docs))
		if err != nil {
			t.Fatalf("%v\n%s", err, FormatBaseline(docs))
		}
		if diff := cmp.Diff(withoutLines(docs), withoutLines(again), comparePrefix); diff != "" {
			t.Fatalf("(-want +got):\n%s\n%s", diff, FormatBaseline(docs))
		}
	})
}
