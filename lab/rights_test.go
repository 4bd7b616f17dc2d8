package lab_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// TestTwoCapabilitiesSeeEveryOwner runs check as the unit runs serve: as a user
// who owns nothing, with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH and no way to
// more. Without the two it says what it cannot see.
func TestTwoCapabilitiesSeeEveryOwner(t *testing.T) {
	t.Parallel()
	lab.Require(t, "setpriv")
	s := &story{t: t, scanner: lab.New(t).Host("server")}
	bin := lab.Build(t)
	s.scanner.NodeExporterInUnit(t, 9100)
	nobody := []string{"--reuid=61184", "--regid=61184", "--clear-groups", "--no-new-privs"}
	few := slices.Concat(nobody, []string{"--inh-caps=-all,+sys_ptrace,+dac_read_search", "--ambient-caps=-all,+sys_ptrace,+dac_read_search",
		"--bounding-set=-all,+sys_ptrace,+dac_read_search"})
	for _, c := range []struct {
		name  string
		priv  []string
		knows bool
	}{{"with the two", few, true}, {"without", slices.Concat(nobody, []string{"--inh-caps=-all", "--bounding-set=-all"}), false}} {
		script := `umask 077; d=$(mktemp -d); printf 'version: 1\nhost: server\nentries: []\n' > $d/b.yaml; ` +
			bin + ` check --json --host server --baseline $d/b.yaml --data $d; code=$?; ` + bin + ` doctor --data $d >&2; rm -r $d; exit $code`
		s.bin = "setpriv"
		r := s.onHost(s.scanner, "", slices.Concat(c.priv, []string{"sh", "-c", script})...)
		if r.code != 1 {
			t.Fatalf("%s: check ended with %d\n%s%s", c.name, r.code, r.stdout, r.stderr)
		}
		var seen *portvigil.ListenerRecord
		for _, l := range records[portvigil.ListenerRecord](t, r.stdout, "listener") {
			if l.Port == 9100 {
				seen = &l
			}
		}
		switch {
		case seen == nil:
			t.Errorf("%s: 9100 is not seen\n%s", c.name, r.stdout)
		case c.knows && (seen.Process == nil || !strings.HasSuffix(seen.Process.Exe, "prometheus-node-exporter") || seen.Process.Unit != "prometheus-node-exporter.service"):
			t.Errorf("%s: the owner is %+v (%s)", c.name, seen.Process, seen.ProcessUnknown)
		case !c.knows && (seen.Process != nil || seen.ProcessUnknown == ""):
			t.Errorf("%s: the owner is %+v, and why it is unknown is %q", c.name, seen.Process, seen.ProcessUnknown)
		}
		if well := strings.Contains(r.stderr, "ok       rights"); well != c.knows {
			t.Errorf("%s: doctor says\n%s", c.name, r.stderr)
		}
	}
}
