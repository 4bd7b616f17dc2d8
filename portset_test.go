package portvigil

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAPortSetIsWhatItsTextSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set, model := new(PortSet), map[uint16]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "ranges") {
			first := rapid.Uint16Range(1, 65500).Draw(t, "first")
			r := PortRange{first, first + rapid.Uint16Range(0, 35).Draw(t, "more")}
			set.AddRange(r)
			for p := int(r.First); p <= int(r.Last); p++ {
				model[uint16(p)] = true
			}
			if rapid.Bool().Draw(t, "remove") {
				set.Remove(r.First)
				delete(model, r.First)
			}
		}
		if set.Len() != len(model) {
			t.Fatalf("%d ports, want %d", set.Len(), len(model))
		}
		for p := range set.All() {
			if !model[p] || !set.Contains(p) {
				t.Fatalf("%d is in the set", p)
			}
		}
		read, err := ParsePortSet(set.String())
		if err != nil || *read != *set {
			t.Fatalf("%q is read as %q, %v", set, read, err)
		}
		rest := AllPorts()
		rest.Subtract(set)
		if rest.Len()+set.Len() != 65535 || set.Len() > 0 && rest.Covers(set) || !AllPorts().Covers(rest) {
			t.Fatal("a set and the rest are not all ports")
		}
		rest.Union(set)
		if *rest != *AllPorts() {
			t.Fatal("their union is not all ports")
		}
	})
}

func FuzzParsePortSet(f *testing.F) {
	for _, text := range []string{"", "22", "22,8000-8100", "1-65535", "0", "2-1", "-", ",", "65536", " 7 "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := ParsePortSet(text)
		if err != nil {
			if ErrorCode(err) != CodeInvalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParsePortSet(set.String())
		if err != nil || *again != *set {
			t.Fatalf("%q is written %q, which is read as %q, %v", text, set, again, err)
		}
	})
}

func FuzzParseDoor(f *testing.F) {
	for _, text := range []string{"22", "22/tcp", "53/UDP", "/", "0/tcp", "22/sctp", strings.Repeat("9", 30)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		door, err := ParseDoor(text)
		if err != nil {
			return
		}
		if again, err := ParseDoor(door.String()); err != nil || again != door {
			t.Fatalf("%q is written %q, which is read as %v, %v", text, door, again, err)
		}
	})
}
