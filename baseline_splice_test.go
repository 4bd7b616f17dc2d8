package portvigil

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func adminDoor(why string) Entry {
	return Entry{Ports: PortRange{22, 22}, Proto: TCP, Why: why, Owner: "ann"}
}

func TestApprovingTouchesNothingElse(t *testing.T) {
	const written = "port: 22\n    proto: tcp\n    why: admins\n    owner: ann"
	for _, c := range []struct{ name, before, after string }{
		{"an empty text gets a document", "",
			"version: 1\nhost: a\nentries:\n  - " + written + "\n"},
		{"a text of comments keeps them in front", "# ours",
			"# ours\nversion: 1\nhost: a\nentries:\n  - " + written + "\n"},
		{"a file of others gets a document behind them", "version: 1\nhost: b\n",
			"version: 1\nhost: b\n---\nversion: 1\nhost: a\nentries:\n  - " + written + "\n"},
		{"a document without entries gets them before its allow lines", "version: 1\nhost: a # a\nallow:\n- ports: 1\n",
			"version: 1\nhost: a # a\nentries:\n  - " + written + "\nallow:\n- ports: 1\n"},
		{"a key without entries gets them", "version: 1\nhost: a\nentries: # none\n\n# end\n",
			"version: 1\nhost: a\nentries: # none\n  - " + written + "\n\n# end\n"},
		{"an empty list in brackets becomes a block", "version: 1\nhost: a\nentries: [ ] # none",
			"version: 1\nhost: a\nentries: # none\n  - " + written},
		{"a list in brackets is added to in brackets", "version: 1\nhost: a\nentries: [{port: 1}, # one\n ]\n",
			"version: 1\nhost: a\nentries: [{port: 1}, {port: 22, proto: tcp, why: admins, owner: ann}, # one\n ]\n"},
		{"a document in braces stays in braces", "{version: 1, host: a, entries: []}",
			"{version: 1, host: a, entries: [{port: 22, proto: tcp, why: admins, owner: ann}]}"},
		{"a document in braces without entries gets them", "{version: 1, host: a}\n",
			"{version: 1, host: a, entries: [{port: 22, proto: tcp, why: admins, owner: ann}]}\n"},
		{"the indentation of the list is kept", "version: 1\nhost: a\nentries:\n-   port: 1\n    why: x",
			"version: 1\nhost: a\nentries:\n-   port: 1\n    why: x\n-   port: 22\n    proto: tcp\n    why: admins\n    owner: ann"},
		{"Windows line ends are kept", "version: 1\r\nhost: a\r\nentries:\r\n  - port: 1\r\n# end\r\n",
			"version: 1\r\nhost: a\r\nentries:\r\n  - port: 1\r\n  - " + strings.ReplaceAll(written, "\n", "\r\n") + "\r\n# end\r\n"},
		{"a remark on the last entry stays with it", "version: 1\nhost: a\nentries:\n  - port: 1\n    # about 1\n  # about the list\n",
			"version: 1\nhost: a\nentries:\n  - port: 1\n    # about 1\n  - " + written + "\n  # about the list\n"},
		{"a list of lines in braces goes on so", "version: 1\nhost: a\nentries:\n  - {port: 1} # x\n",
			"version: 1\nhost: a\nentries:\n  - {port: 1} # x\n  - {port: 22, proto: tcp, why: admins, owner: ann}\n"},
		{"a text behind | is not cut", "version: 1\nhost: a\nentries:\n  - port: 1\n    why: |\n      a\n      # no comment\n\n# end\n",
			"version: 1\nhost: a\nentries:\n  - port: 1\n    why: |\n      a\n      # no comment\n  - " + written + "\n\n# end\n"},
		{"the door that is there changes in place, its comments stay",
			"version: 1\nhost: a\nentries:\n  - port: 22   # ssh\n    why: 'old'  # since 2020\n    review: monthly\n\n  - port: 80\n",
			"version: 1\nhost: a\nentries:\n  - port: 22   # ssh\n    why: admins  # since 2020\n    owner: ann\n    review: monthly\n\n  - port: 80\n"},
		{"what is written over several lines changes as a whole",
			"version: 1\nhost: a\nentries:\n  - port: 22\n    why: >\n      old\n      words\n    owner:\n      bob\n# end\n",
			"version: 1\nhost: a\nentries:\n  - port: 22\n    why: admins\n    owner: ann\n# end\n"},
		{"a door in braces changes in braces", "version: 1\nhost: a\nentries:\n  - {port: 22, why: old, review: monthly} # x\n",
			"version: 1\nhost: a\nentries:\n  - {port: 22, proto: tcp, why: admins, owner: ann, review: monthly} # x\n"},
		{"an end that is over goes, one to come stays", "version: 1\nhost: a\nentries:\n  - port: 22\n    expires: 2020-01-01 # over\n    why: admins\n    owner: ann\n",
			"version: 1\nhost: a\nentries:\n  - port: 22\n    why: admins\n    owner: ann\n"},
		{"a door that says all of it already is left alone", "version: 1\nhost: a\nentries:\n  - {expires: 2030-01-01, owner: ann, port: 22, why: 'admins'}\n",
			"version: 1\nhost: a\nentries:\n  - {expires: 2030-01-01, owner: ann, port: 22, why: 'admins'}\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := ApproveEntries("b", []byte(c.before), "a", []Entry{adminDoor("admins")}, noon)
			if diff := cmp.Diff(c.after, string(got)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestApprovingAnewReplacesThePinsAsAWhole(t *testing.T) {
	before := "version: 1\nhost: a\nentries:\n  - port: 22\n    pin:\n      version: 9.2p1\n      # seen\n      exe: /old\n    why: x\n"
	e := SuggestEntry(Door{TCP, 22}, ScopeAny, &Service{Product: "OpenSSH", HostKey: "SHA256:k"}, &Process{PID: 5, Exe: "/usr/sbin/sshd"}, "", "")
	got, err := ApproveEntries("b", []byte(before), "a", []Entry{e}, noon)
	want := "version: 1\nhost: a\nentries:\n  - port: 22\n    scope: any\n    service: OpenSSH\n    pin: {product: OpenSSH, exe: /usr/sbin/sshd, hostkey: \"SHA256:k\"}\n    why: x\n"
	if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestWhatCannotBeWrittenIsRefused(t *testing.T) {
	for name, edit := range map[string]func() ([]byte, error){
		"a broken file": func() ([]byte, error) {
			return ApproveEntries("b", []byte("version: ["), "a", []Entry{adminDoor("x")}, noon)
		},
		"no host":   func() ([]byte, error) { return ApproveEntries("b", nil, "", []Entry{adminDoor("x")}, noon) },
		"port zero": func() ([]byte, error) { return ApproveEntries("b", nil, "a", []Entry{{Proto: TCP}}, noon) },
		"an unknown view": func() ([]byte, error) {
			return ApproveEntries("b", nil, "a", []Entry{{Ports: PortRange{1, 1}, Scope: "x"}}, noon)
		},
	} {
		if got, err := edit(); ErrorCode(err) != CodeInvalid || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestRemovingTakesTheEntryAndNothingElse(t *testing.T) {
	for _, c := range []struct{ name, before, after string }{
		{"from the middle", "version: 1\nhost: a\nentries:\n  - port: 1 # one\n\n  - port: 22 # ssh\n    # inner\n    why: x # y\n  # about 80\n  - port: 80\n",
			"version: 1\nhost: a\nentries:\n  - port: 1 # one\n\n  # about 80\n  - port: 80\n"},
		{"the only one", "version: 1\nhost: a\nentries:\n- port: 22\n# end\n", "version: 1\nhost: a\nentries:\n# end\n"},
		{"the last one without a line break", "version: 1\nhost: a\nentries:\n- port: 1\n- port: 22", "version: 1\nhost: a\nentries:\n- port: 1"},
		{"with Windows line ends", "version: 1\r\nhost: a\r\nentries:\r\n- port: 1\r\n- port: 22", "version: 1\r\nhost: a\r\nentries:\r\n- port: 1"},
		{"two at the end without a line break", "version: 1\nhost: a\nentries:\n- port: 1\n- port: 22\n- port: 22\n  address: 10.0.0.1", "version: 1\nhost: a\nentries:\n- port: 1\n"},
		{"the first in brackets", "version: 1\nhost: a\nentries: [{port: 22}, {port: 1}] # x", "version: 1\nhost: a\nentries: [ {port: 1}] # x"},
		{"the last in brackets", "version: 1\nhost: a\nentries: [{port: 1}, # one\n {port: 22}]", "version: 1\nhost: a\nentries: [{port: 1} # one\n ]"},
		{"the only one in brackets", "version: 1\nhost: a\nentries: [{port: 22},]", "version: 1\nhost: a\nentries: []"},
		{"two of three in brackets", "version: 1\nhost: a\nentries: [{port: 1}, {port: 22}, {port: 22, address: 10.0.0.1}]", "version: 1\nhost: a\nentries: [{port: 1}  ]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := RemoveEntry("b", []byte(c.before), "a", Door{TCP, 22})
			if diff := cmp.Diff(c.after, string(got)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestRemovingWhatIsNotThereNamesWhatIs(t *testing.T) {
	text := []byte("version: 1\nhost: a\nentries:\n- port: 20-30\n- {port: 53, proto: udp}\n---\nversion: 1\ngroup: g\n")
	for _, c := range []struct {
		host string
		door Door
		want string
	}{
		{"a", Door{TCP, 80}, "b has no entry for 80/tcp on host a; it has 20-30/tcp, 53/udp"},
		{"a", Door{TCP, 22}, "b has no entry for 22/tcp on host a; the range 20-30/tcp on line 4 covers it; edit that by hand"},
		{"c", Door{TCP, 22}, "b has no document for host c; it has host a, group g"},
		{"", Door{TCP, 22}, "b has no document for host ; it has host a, group g"},
	} {
		_, err := RemoveEntry("b", text, c.host, c.door)
		if ErrorCode(err) != CodeNotFound || err.Error() != c.want {
			t.Errorf("code %s\n got %v\nwant %s", ErrorCode(err), err, c.want)
		}
	}
}

// anyText draws texts that YAML has a meaning for, and others.
var anyText = rapid.Custom(func(t *rapid.T) string {
	s := rapid.OneOf(rapid.SampledFrom([]string{"yes", "~", "null", "- x", "a: b # c", "#", "'", `"`, `\`, "{a}", "[", "&a", "*a", "!t", "%x", "@x", "`",
		"1e3", "0x10", "2027-06-30", "---", "...", "a\nb", "\u0085", "\u2028", "\ufeff", "\x1b[2J", "🔥", "日本", "é", ": ", "a:", ",", "|", ">", "?", "the shop's", "SHA256:a+/="}),
		rapid.StringN(0, 12, 40)).Draw(t, "text")
	return strings.TrimSpace(strings.ToValidUTF8(s, "?"))
})

var anyEntry = rapid.Custom(func(t *rapid.T) Entry {
	first := rapid.Uint16Range(1, 40).Draw(t, "port")
	e := Entry{Ports: PortRange{first, first}, Proto: rapid.SampledFrom([]Proto{TCP, UDP}).Draw(t, "proto"),
		Service: anyText.Draw(t, "service"), Why: anyText.Draw(t, "why"), Owner: anyText.Draw(t, "owner"), Review: anyText.Draw(t, "review"),
		Scope: rapid.SampledFrom([]Scope{"", ScopeLoopback, ScopeAny}).Draw(t, "scope"),
		Pin:   Pin{Product: anyText.Draw(t, "product"), Exe: anyText.Draw(t, "exe")}}
	if rapid.Bool().Draw(t, "range") {
		e.Ports.Last += rapid.Uint16Range(0, 100).Draw(t, "more")
	}
	if a := rapid.SampledFrom([]string{"", "10.0.0.1", "::1", "10.0.0.0/8", "::"}).Draw(t, "address"); a != "" {
		at(a)(&e)
	}
	if rapid.Bool().Draw(t, "from") {
		e.From = []string{"office", "a, b"}
	}
	if rapid.Bool().Draw(t, "expires") {
		e.Expires = Date{2020 + rapid.IntRange(0, 20).Draw(t, "year"), 6, 30}
	}
	return e
})

// anyFile writes documents as people do: in blocks and braces, with comments and
// blank lines in between.
var anyFile = rapid.Custom(func(t *rapid.T) string {
	var b strings.Builder
	noise := func() {
		b.WriteString(rapid.SampledFrom([]string{"", "", "# note\n", "\n", "\n\n  # deeper\n", "   \n"}).Draw(t, "noise"))
	}
	for i, host := range rapid.SampledFrom([][]string{{"a"}, {"b", "a"}, {"a", "b"}, {"b"}}).Draw(t, "hosts") {
		if i > 0 {
			b.WriteString("---\n")
		}
		noise()
		fmt.Fprintf(&b, "version:   1 # v\nhost: %s\n", host)
		noise()
		entries := rapid.SliceOfN(anyEntry, 0, 4).Draw(t, "entries")
		indent := rapid.SampledFrom([]string{"", "  ", "    "}).Draw(t, "indent")
		inner := rapid.SampledFrom([]string{"  ", "    "}).Draw(t, "inner")
		switch style := rapid.IntRange(0, 3).Draw(t, "style"); {
		case len(entries) == 0 && style == 0:
		case style == 1:
			var all []string
			for _, e := range entries {
				all = append(all, flowEntry(e))
			}
			b.WriteString("entries: [" + strings.Join(all, rapid.SampledFrom([]string{", ", ",\n   # c\n   "}).Draw(t, "between")) + "] # list\n")
		default:
			b.WriteString("entries: # list\n")
			for _, e := range entries {
				noise()
				if rapid.Bool().Draw(t, "braces") {
					b.WriteString(indent + "- " + flowEntry(e) + "  # it\n")
					continue
				}
				lines := strings.SplitAfter(blockEntry(e, indent, inner, "\n")+"\n", "\n")
				for _, line := range lines[:len(lines)-1] {
					b.WriteString(strings.TrimSuffix(line, "\n") + rapid.SampledFrom([]string{"\n", "   # c\n", "\n\n"}).Draw(t, "behind"))
				}
			}
		}
		noise()
		if rapid.Bool().Draw(t, "allow") {
			b.WriteString("allow:\n- {ports: 1-9} # all\n")
		}
	}
	text := b.String()
	if rapid.Bool().Draw(t, "cut") {
		text = strings.TrimRight(text, "\n")
	}
	if rapid.Bool().Draw(t, "windows") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text
})

// TestEditsOfAnyFile: the result says what was there plus the edit (which the
// function itself checks, and may not refuse here), and every line that the
// edit is not about is there as it was, in its order.
func TestEditsOfAnyFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := []byte(anyFile.Draw(t, "file"))
		docs, err := ParseBaseline("b", before)
		if err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
		add := rapid.SliceOfN(anyEntry, 1, 3).Draw(t, "add")
		after, err := ApproveEntries("b", before, "a", add, noon)
		if err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
		touched := make(map[int]bool)
		own, _ := BaselineFor(docs, "a")
		for _, e := range own.Entries {
			for _, n := range add {
				if sameTarget(e, n) {
					touched[e.Line] = true
				}
			}
		}
		mustKeepLines(t, before, after, touched)
		again, err := ApproveEntries("b", after, "a", add[len(add)-1:], noon)
		if err != nil || !bytes.Equal(again, after) {
			t.Fatalf("approving the last one again changes the file: %v\n%s\n%s", err, after, again)
		}
		for _, e := range own.Entries {
			if e.Ports.Single() {
				removed, err := RemoveEntry("b", before, "a", e.Door())
				if err != nil {
					t.Fatalf("%v\n%s", err, before)
				}
				mustKeepLines(t, removed, before, nil)
			}
		}
	})
}

// mustKeepLines fails unless the lines of a, but those of entries that begin on
// a touched line and of lists in brackets, stand in b in the same order.
func mustKeepLines(t *rapid.T, a, b []byte, touched map[int]bool) {
	rest := bytes.Split(b, []byte("\n"))
	skipping := false
	for i, line := range bytes.Split(a, []byte("\n")) {
		body := bytes.TrimSpace(line)
		starts := bytes.HasPrefix(body, []byte("- ")) || len(line) > 0 && line[0] > ' ' && line[0] != '#'
		if starts {
			skipping = touched[i+1]
		}
		if touched == nil && len(body) == 0 {
			continue // what is left of a line in brackets
		}
		if skipping || bytes.HasPrefix(body, []byte("entries:")) || bytes.ContainsAny(body, "{}[]") {
			continue
		}
		found := -1
		for k, other := range rest {
			if bytes.Equal(bytes.TrimSuffix(line, []byte("\r")), bytes.TrimSuffix(other, []byte("\r"))) {
				found = k
				break
			}
		}
		if found < 0 {
			t.Fatalf("line %d is lost: %q\n%s\n-----\n%s", i+1, line, a, b)
		}
		rest = rest[found+1:]
	}
}

// FuzzApproveEntries: whatever the file, the edit is either made, so that an
// edit of the same leaves it, or refused with a code that a person can act on.
func FuzzApproveEntries(f *testing.F) {
	f.Add([]byte(contractBaseline), "db1", "why")
	f.Add([]byte("{version: 1, host: a, entries: [{port: 22, why: x},]}"), "a", "a: b")
	f.Add([]byte("version: 1\nhost: a\nentries:\n- \n  port: 22\n  why: |+\n   a\n\n"), "a", "-")
	f.Fuzz(func(t *testing.T, before []byte, host, why string) {
		after, err := ApproveEntries("f", before, host, []Entry{adminDoor(why)}, noon)
		if err != nil {
			if code := ErrorCode(err); code != CodeInvalid && code != CodeConflict {
				t.Fatalf("code %s of %v", code, err)
			}
			return
		}
		again, err := ApproveEntries("f", after, host, []Entry{adminDoor(why)}, noon)
		if err != nil || !bytes.Equal(again, after) {
			t.Fatalf("%v\n%q\n%q", err, after, again)
		}
		if _, err := RemoveEntry("f", after, host, Door{TCP, 22}); err != nil && ErrorCode(err) != CodeConflict {
			t.Fatalf("%v\n%q", err, after)
		}
	})
}
