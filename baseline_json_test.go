package portvigil

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestEntriesKeepTheirMeaningInJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := anyEntry.Draw(t, "entry")
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Entry
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if !got.Same(want) {
			t.Fatalf("%s became %+v, was %+v", text, got, want)
		}
	})
}

// The keys are those that a person writes in the file.
func TestEntriesAndAllowLinesSpeakTheFileInJSON(t *testing.T) {
	t.Parallel()
	hours, err := ParseHours("01:00-05:00 Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for want, value := range map[string]any{
		`{"port":"30000-30100","proto":"tcp","pin":{"hostkey":"SHA256:x"},"why":"calls","expires":"2027-06-30"}`: Entry{
			Ports: PortRange{30000, 30100}, Proto: TCP, Pin: Pin{HostKey: "SHA256:x"}, Why: "calls", Expires: Date{2027, 6, 30},
		},
		`{"ports":"53","proto":"udp","hours":"01:00-05:00 Europe/Berlin","owner":"ci"}`: Allow{
			Ports: PortRange{53, 53}, Proto: UDP, Hours: hours, Owner: "ci",
		},
		`{}`: Allow{},
	} {
		got, err := json.Marshal(value)
		if diff := cmp.Diff(want, string(got)); err != nil || diff != "" {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	}
}
