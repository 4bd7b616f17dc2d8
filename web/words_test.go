package web

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestCodesArePutIntoWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{note("dead-path: 100 times in a row host or net unreachable"), "No way to the host: 100 times in a row host or net unreachable"},
		{note("1 process may not be read, so that owners may be missing: permission denied"), "1 process may not be read, so that owners may be missing: permission denied"},
		{note("blocked since probe 7: doors that answered before do not any more"), "Blocked since probe 7: doors that answered before do not any more"},
		{note("dead-path"), "Dead-path"}, // nothing else is said
		{note("no-answer: \x1b[2J"), `Nothing answered: \x1b[2J`},
		{stateSeen("not-listening"), "not listening"},
		{stateSeen("open|filtered"), "no answer (open or filtered)"},
		{stateSeen("open"), "open"},
		{scopeWords(portvigil.ScopePrivate), "private networks at most"},
		{scopeWords("\x07"), `\x07`},
		{outcome(portvigil.ResolvedFalse), "false alarm"},
		{outcome(portvigil.ResolvedExpected), "expected"},
		{decided(portvigil.ReviewClose), "closed"},
		{again(1), "opened again"},
		{again(3), "opened again 3 times"},
		{stateWord(portvigil.AlertWaitingShut), "said to be shut"},
		{span(59 * time.Second), "less than a minute"},
		{span(time.Minute), "1 minute"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// A wildcard listener is also seen at each address; one entry covers all of them.
func TestADoorOfSeveralAddressesIsToBeWrittenDownOnce(t *testing.T) {
	t.Parallel()
	entry := &portvigil.Entry{}
	open := func(port uint16, v portvigil.Verdict) portvigil.Exposure {
		x := listening(port, portvigil.ScopeAny, "/usr/sbin/nginx")
		x.Verdict = v
		return x
	}
	covered := open(22, portvigil.Expected)
	covered.Entry = entry
	var got []string
	for _, x := range undocumented([]portvigil.Exposure{open(80, portvigil.UnexpectedListening), covered,
		open(443, portvigil.UnexpectedListening), open(443, portvigil.UnexpectedExposed), open(443, portvigil.UnexpectedListening), open(8080, portvigil.Hidden)}) {
		got = append(got, x.Door().String()+" "+string(x.Verdict))
	}
	if diff := cmp.Diff([]string{"443/tcp unexpected-exposed", "80/tcp unexpected-listening"}, got); diff != "" {
		t.Errorf("to be written down (-want +got)\n%s", diff)
	}
}
