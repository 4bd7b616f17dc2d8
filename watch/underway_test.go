package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestALookThatRunsSaysHowFarItIsAndOneThatEndedSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var during []portvigil.LookUnderWay
	w.out.during = func() { during = must(w.engine.UnderWay(t.Context(), web1)) }
	h := w.add(web1, []string{home4}, 22)
	waiting := must(w.engine.UnderWay(t.Context(), h.Name))
	want := []portvigil.LookUnderWay{{View: portvigil.Outside, Reason: reasonFirst, Due: dawn}}
	if diff := cmp.Diff(want, waiting); diff != "" {
		t.Errorf("before it begins (-want +got):\n%s", diff)
	}
	w.run(0)
	want[0].Running, want[0].Progress = true, &portvigil.LookProgress{Address: home4, Share: 0.5}
	if diff := cmp.Diff(want, during); diff != "" {
		t.Errorf("while it runs (-want +got):\n%s", diff)
	}
	if after := must(w.engine.UnderWay(t.Context(), web1)); len(after) != 0 {
		t.Errorf("afterwards: %+v", after)
	}
	if len(w.engine.progress.last) != 0 {
		t.Errorf("left behind: %v", w.engine.progress.last)
	}
	_, err := w.engine.UnderWay(t.Context(), "web2")
	w.refused(err, portvigil.CodeNotFound)
}
