package portvigil

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

const twoEntries = "# ours\nversion: 1\nhost: a\nentries:\n  - port: 22   # ssh\n    why: 'old'  # since 2020\n    review: monthly\n\n  - {port: 80, why: shop, pin: {exe: /x}} # it\n# end\n"

func TestAnEntryIsChangedInItsPlace(t *testing.T) {
	for _, c := range []struct {
		name  string
		k     int
		typed map[string]string
		want  string
	}{
		{"a value changes beside its comment", 0, map[string]string{"why": "admins"}, strings.Replace(twoEntries, "'old'", "admins", 1)},
		{"a key that is added stands behind those before it", 0, map[string]string{"scope": "any"}, strings.Replace(twoEntries, "# ssh\n", "# ssh\n    scope: any\n", 1)},
		{"a key without a value goes with its line", 0, map[string]string{"review": ""}, strings.Replace(twoEntries, "    review: monthly\n", "", 1)},
		{"one in braces stays in braces", 1, map[string]string{"why": "the shop", "pin.exe": ""}, strings.Replace(twoEntries, "{port: 80, why: shop, pin: {exe: /x}}", "{port: 80, proto: tcp, why: the shop}", 1)},
		{"what is typed as it stands touches nothing", 1, nil, twoEntries},
		{"the port changes, too", 0, map[string]string{"port": "2200-2210", "proto": "udp"}, strings.Replace(twoEntries, "port: 22   # ssh\n", "port: 2200-2210   # ssh\n    proto: udp\n", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := ReadDocument("host", "a", []byte(twoEntries))
			if err != nil {
				t.Fatal(err)
			}
			to, wrong := d.Entries[c.k].Typed(typing(d.Entries[c.k], c.typed))
			if len(wrong) > 0 {
				t.Fatal(wrong)
			}
			got, err := ChangeEntry([]byte(twoEntries), "host", "a", c.k, to)
			if diff := cmp.Diff(c.want, string(got)); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// typing is an entry's fields as a form has them, with some typed over.
func typing(e Entry, over map[string]string) func(string) string {
	return func(key string) string {
		if text, typed := over[key]; typed {
			return text
		}
		return e.Field(key)
	}
}

func TestEditsOfADocumentThatMakeNoSenseAreRefused(t *testing.T) {
	e := Entry{Ports: PortRange{22, 22}, Proto: TCP, Why: "x"}
	text := []byte(twoEntries)
	for _, c := range []struct {
		name string
		do   func() ([]byte, error)
		code Code
		says string
	}{
		{"an entry that is not there", func() ([]byte, error) { return ChangeEntry(text, "host", "a", 2, e) }, CodeNotFound, "no such entry"},
		{"an entry before the first", func() ([]byte, error) { return DropEntry(text, "host", "a", -1) }, CodeNotFound, "no such entry"},
		{"a document that is not there", func() ([]byte, error) { return DropEntry(text, "group", "a", 0) }, CodeNotFound, "no such entry"},
		{"a second entry for the same door", func() ([]byte, error) { return AppendEntry(text, "host", "a", e) }, CodeConflict, "line 5 has an entry for 22/tcp"},
		{"one that becomes another's twin", func() ([]byte, error) { return ChangeEntry(text, "host", "a", 1, e) }, CodeConflict, "line 5 has an entry for 22/tcp"},
		{"a text that cannot be read", func() ([]byte, error) { return DropEntry([]byte("entries: ["), "host", "a", 0) }, CodeInvalid, "host a:1:"},
	} {
		if got, err := c.do(); ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.says) || got != nil {
			t.Errorf("%s: got %q, %v", c.name, got, err)
		}
	}
}

func TestADocumentIsAboutWhomItIsKeptFor(t *testing.T) {
	for text, says := range map[string]string{
		"version: 1\nhost: b\n":                                  "host a:1:1: it is about host b; write host: a",
		"version: 1\ngroup: a\n":                                 "it is about group a",
		"version: 1\nhost: a\n---\nversion: 1\nhost: b\n":        "a second document",
		"version: 1\nhost: a\nentries:\n- port: 99999\n":         "host a:4:9: entries[0].port",
		"version: 1\nhost: a\nentries:\n- port: &x 1\n":          "anchors and aliases",
		"version: 1\nhost: a\nentries: [[[[[[[[[[[]]]]]]]]]]]\n": "lists within lists",
		"": "the file is empty",
	} {
		if _, err := ReadDocument("host", "a", []byte(text)); ErrorCode(err) != CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", text, err, says)
		}
	}
	if d, err := ReadDocument("group", "a", NewDocument("group", "a")); err != nil || d.Group != "a" {
		t.Errorf("a new document is %+v, %v", d, err)
	}
}

func TestAGroupsEntriesAreEdited(t *testing.T) {
	text := "version: 1\ngroup: g\nentries:\n  - port: 1\n    why: one\n"
	d, err := ReadDocument("group", "g", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	to := d.Entries[0]
	to.Owner = "ann"
	got, err := ChangeEntry([]byte(text), "group", "g", 0, to)
	if diff := cmp.Diff(text+"    owner: ann\n", string(got)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if got, err = AppendEntry(nil, "group", "g", Entry{Ports: PortRange{1, 1}, Proto: TCP, Why: "one"}); err != nil || !strings.HasPrefix(string(got), "version: 1\ngroup: g\nentries:\n  - port: 1\n") {
		t.Errorf("a group begins with %q, %v", got, err)
	}
}

func TestTypedFieldsAreReadOrSayWhatIsWrong(t *testing.T) {
	for key, c := range map[string]struct{ typed, says string }{
		"port": {"ssh", `"ssh" is not a port`}, "proto": {"icmp", "neither tcp nor udp"}, "address": {"10.0.0.300", "is not an address"},
		"scope": {"privat", `did you mean "private"?`}, "expires": {"tomorrow", "write it as 2027-06-30"}, "why": {"a\x00b", "no text, at place 2"},
		"pin.exe": {strings.Repeat("x", 5000), "longer than 4000"},
	} {
		_, wrong := Entry{Ports: PortRange{1, 1}, Proto: TCP}.Typed(typing(Entry{Ports: PortRange{1, 1}, Proto: TCP}, map[string]string{key: c.typed}))
		if len(wrong) != 1 || wrong[key] == nil || !strings.Contains(wrong[key].Error(), c.says) {
			t.Errorf("%s: got %v, want %q", key, wrong, c.says)
		}
	}
	if _, wrong := (Entry{}).Typed(func(string) string { return "" }); wrong["port"] == nil {
		t.Errorf("an entry without a port is taken: %v", wrong)
	}
	e := Entry{Ports: PortRange{1, 1}, Proto: TCP, Why: "two\n lines", Pin: Pin{Empty: []string{"exe", "user"}}}
	got, wrong := e.Typed(typing(e, map[string]string{"why": "two\r\n lines", "pin.user": "root", "from": "office,  internet office"}))
	want := e
	want.Pin, want.From = Pin{User: "root", Empty: []string{"exe"}}, []string{"office", "internet"}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" || len(wrong) > 0 {
		t.Errorf("%v (-want +got):\n%s", wrong, diff)
	}
}

// TestEditsOfAnyDocumentStayInTheirEntry: no byte before the entry and none behind
// it is another one afterwards, and what is typed as a form shows it changes nothing.
func TestEditsOfAnyDocumentStayInTheirEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := []byte(anyFile.Draw(t, "file"))
		docs, file, err := readForEdit("b", before)
		if err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
		i := rapid.IntRange(0, len(docs)-1).Draw(t, "document")
		host, entries := docs[i].Host, docs[i].Entries
		add := anyEntry.Draw(t, "entry")
		twin := func(but int) bool {
			for k, e := range entries {
				if k != but && sameTarget(e, add) {
					return true
				}
			}
			return false
		}
		after, err := AppendEntry(before, "host", host, add)
		switch {
		case twin(-1) && ErrorCode(err) != CodeConflict, !twin(-1) && err != nil:
			t.Fatalf("%v\n%s", err, before)
		case err == nil && len(entries) > 0:
			mustInsert(t, before, after)
		}
		if len(entries) == 0 {
			return
		}
		k := rapid.IntRange(0, len(entries)-1).Draw(t, "k")
		list, _ := file.trees[i].root.pair("entries")
		item := list.value.items[k]
		start, end := item.value.start, item.value.end
		if !list.value.flow {
			start, end = file.lineStart(item.start), file.nextLine(item.lineEnd)
		}
		if same, wrong := entries[k].Typed(entries[k].Field); len(wrong) == 0 {
			if got, err := ChangeEntry(before, "host", host, k, same); err == nil && !bytes.Equal(got, before) {
				t.Fatalf("typing what stands there changes it:\n%s\n-----\n%s", before, got)
			}
		}
		if !twin(k) {
			if after, err = ChangeEntry(before, "host", host, k, add); err != nil && !sharesTarget(entries) {
				t.Fatalf("%v\n%s", err, before)
			}
			if err == nil && (!bytes.HasPrefix(after, before[:start]) || !bytes.HasSuffix(after, before[end:])) {
				t.Fatalf("a byte outside of entry %d is another one:\n%s\n-----\n%s", k, before, after)
			}
		}
		if after, err = DropEntry(before, "host", host, k); err != nil {
			t.Fatalf("%v\n%s", err, before)
		}
		if !list.value.flow && end < len(before) && !bytes.Equal(after, append(bytes.Clone(before[:start]), before[end:]...)) {
			t.Fatalf("more than entry %d is gone:\n%s\n-----\n%s", k, before, after)
		}
		mustKeepLines(t, after, before, nil)
	})
}

func sharesTarget(entries []Entry) bool {
	for i, e := range entries {
		for _, o := range entries[:i] {
			if sameTarget(e, o) {
				return true
			}
		}
	}
	return false
}

// mustInsert fails unless the later text is the earlier one with something put in.
func mustInsert(t *rapid.T, before, after []byte) {
	head := 0
	for head < len(before) && head < len(after) && before[head] == after[head] {
		head++
	}
	tail := 0
	for tail < len(before)-head && tail < len(after)-head && before[len(before)-1-tail] == after[len(after)-1-tail] {
		tail++
	}
	if head+tail != len(before) {
		t.Fatalf("a byte is another one:\n%s\n-----\n%s", before, after)
	}
}
