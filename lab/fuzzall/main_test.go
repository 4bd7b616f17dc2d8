package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTargetsAreTheNamesThatGoLists(t *testing.T) {
	t.Parallel()
	for listed, want := range map[string][]string{
		"": nil,
		"ok  \tgithub.com/portvigil/portvigil\t0.003s\n":      nil,
		"FuzzPorts\nFuzzBaseline\nok  \texample/Fuzz\t0.1s\n": {"FuzzPorts", "FuzzBaseline"},
		"?   \texample/FuzzNo\t[no test files]\n":             nil,
	} {
		if diff := cmp.Diff(want, targets([]byte(listed))); diff != "" {
			t.Errorf("targets(%q) (-want +got):\n%s", listed, diff)
		}
	}
}
