package watch

import (
	"testing"

	"github.com/portvigil/portvigil"
)

func TestWhoListensSlowlyMissesStepsAndHoldsUpNobody(t *testing.T) {
	t.Parallel()
	var b broadcast
	updates, done, leave := b.join("a")
	other, _, leaveOther := b.join("b")
	for i := range 10 {
		b.send("a", portvigil.LookProgress{Open: i})
	}
	b.finish("a")
	b.finish("a")
	if p := <-updates; p.Open != 9 {
		t.Errorf("the step that was kept is %d, want the newest", p.Open)
	}
	<-done // the end cannot be missed
	select {
	case p := <-other:
		t.Errorf("another look's listener got %+v", p)
	default:
	}
	leave()
	leave()
	leaveOther()
	b.send("a", portvigil.LookProgress{})
	b.finish("a")
	if len(b.listeners) > 0 {
		t.Errorf("left behind: %v", b.listeners)
	}
}
