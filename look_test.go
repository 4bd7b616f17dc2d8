package portvigil

import (
	"strings"
	"testing"
)

func TestALookSaysOfAPortWhatItListsOrItsDefaultWhereItCovers(t *testing.T) {
	l := newStory(t).outside("22", only("1-1000"), found(StateClosed, 80, 2000))
	for port, want := range map[uint16]PortState{22: StateOpen, 80: StateClosed, 81: StateFiltered, 2000: StateClosed, 2001: ""} {
		if got := l.At(port).State; got != want {
			t.Errorf("%d is %q, want %q", port, got, want)
		}
	}
	if open, filtered := l.Count(StateOpen), l.Count(StateFiltered); open != 1 || filtered != 998 {
		t.Errorf("%d open, %d filtered", open, filtered)
	}
}

func TestTheCodeOfANoteIsItsFirstWord(t *testing.T) {
	for note, want := range map[string]string{"dead-path: 100 in a row": "dead-path", "answers-everywhere": "answers-everywhere",
		"blocked since probe 9": "blocked", "": ""} {
		if got := NoteCode(note); got != want {
			t.Errorf("%q has code %q", note, got)
		}
	}
}

func TestAHostNameFitsAFileAndATerminal(t *testing.T) {
	for name, ok := range map[string]bool{"web1": true, "db-1.example.com": true, "": false, "-x": false, "a b": false,
		"a/b": false, "../x": false, "a\x1b[0m": false, strings.Repeat("a", 253): true, strings.Repeat("a", 254): false} {
		if err := CheckHostName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	for target, is := range map[string]bool{"example.com": true, "example.com.": true, "203.0.113.7": false, "::1": false, "": false} {
		if IsDNSName(target) != is {
			t.Errorf("%q is a name: %v", target, !is)
		}
	}
}

func TestWhatAHostSendsIsShownPrintable(t *testing.T) {
	a := Alert{Kind: Kind(UnexpectedExposed), Host: "web1", Proto: TCP, Port: 80,
		Service: &Service{Product: "evil\x1b[2Jthing"}, Process: &Process{Exe: "/tmp/a\nb"}}
	if text := a.Sentence() + DifferencesText([]Difference{{"product", "nginx", "\x1b]0;x\a"}}); strings.ContainsAny(text, "\x1b\n\a") {
		t.Errorf("%q has control codes", text)
	}
}
