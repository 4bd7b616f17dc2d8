package watch

import (
	"errors"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

// write makes a text the next version of web1's document.
func (w *world) write(by string, version int, text string) (portvigil.BaselineVersion, error) {
	return w.engine.WriteDocument(w.Context(), by, portvigil.BaselineVersion{Kind: docHost, Name: web1, Version: version, Text: text, Why: " for a test "})
}

func TestOfTwoEditorsTheSecondIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	first := must(w.write("ann", 0, documented))
	if first.Version != 1 || first.By != "ann" || first.Why != "for a test" {
		t.Errorf("saved as %+v", first)
	}
	done := make(chan error)
	for _, by := range []string{"ann", "bob"} {
		go func() {
			_, err := w.write(by, 1, strings.ReplaceAll(documented, "owner: ann", "owner: "+by+"by"))
			done <- err
		}()
	}
	one, two := <-done, <-done
	if (one == nil) == (two == nil) {
		t.Errorf("got %v and %v, want one of them refused", one, two)
	}
	w.refused(errors.Join(one, two), portvigil.CodeConflict)
	v := must(w.engine.Document(t.Context(), docHost, web1))
	if v.Version != 2 || !strings.Contains(v.Text, "owner: "+v.By+"by") {
		t.Errorf("it is %+v", v)
	}
	_, err := w.write("eve", 0, documented) // as if there was none
	w.refused(err, portvigil.CodeConflict)
	again := must(w.write("eve", 2, v.Text))
	if again.Version != 2 || again.By != v.By {
		t.Errorf("a text that says the same became version %d by %s", again.Version, again.By)
	}
	if list := must(w.engine.DocumentVersions(t.Context(), docHost, web1)); len(list) != 2 {
		t.Errorf("there are %d versions", len(list))
	}
}

func TestWhatIsWrittenIsJudgedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	must(w.write("ann", 0, documented))
	w.quiet()
	must(w.write("ann", 1, "version: 1\nhost: web1\n"))
	if !w.toExplain(22) {
		t.Errorf("alerts are %q", sentences(w.alerts(true)))
	}
	must(w.write("ann", 2, documented))
	w.quiet()
	must(w.write("ann", 3, "version: 1\nhost: web1\ngroups: [front]\n"))
	_ = w.only()
	must(w.engine.WriteDocument(t.Context(), "ann", portvigil.BaselineVersion{Kind: docGroup, Name: "front",
		Text: "version: 1\ngroup: front\nentries:\n  - {port: 22, why: ssh, owner: ann}\n"}))
	w.quiet()
}

func TestATextThatIsNotTheDocumentChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	must(w.write("ann", 0, documented))
	for name, text := range map[string]string{
		"another host's": "version: 1\nhost: web2\n", "two": documented + "---\nversion: 1\nhost: web2\n", "none": "", "nonsense": "entries: [",
		"a bomb": "version: 1\nhost: web1\nx: &a [*a, *a]\n", "control characters": "version: 1\nhost: web1\n# \x1b[2J\n",
	} {
		if _, err := w.write("ann", 1, text); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if v := must(w.engine.Document(t.Context(), docHost, web1)); v.Version != 1 {
		t.Errorf("it is at version %d", v.Version)
	}
	_, err := w.engine.Document(t.Context(), docGroup, "nobody")
	w.refused(err, portvigil.CodeNotFound)
	_, err = w.engine.Document(t.Context(), docHost, "nobody")
	w.refused(err, portvigil.CodeNotFound)
}

func TestWhereAFolderIsFollowedTheEditIsShown(t *testing.T) {
	t.Parallel()
	w, d := followed(t)
	d.write("hosts/web1.yaml", "# ours\n"+explains22+"---\nversion: 1\nhost: web2\n")
	w.polled()
	v := must(w.engine.Document(t.Context(), docHost, web1))
	got := must(w.write("ann", v.Version, strings.ReplaceAll(v.Text, "owner: ann", "owner: bob")))
	for _, want := range []string{"--- a/hosts/web1.yaml\n+++ b/hosts/web1.yaml\n", "\n-  - {port: 22, proto: tcp, why: administration, owner: ann}\n", "owner: bob}\n", "\n ---\n"} {
		if !strings.Contains(got.Edit, want) {
			t.Errorf("the edit lacks %q:\n%s", want, got.Edit)
		}
	}
	if strings.Contains(got.Edit, "# ours") {
		t.Errorf("the edit names a line that is far from it:\n%s", got.Edit)
	}
	if now := must(w.engine.Document(t.Context(), docHost, web1)); now.Version != v.Version || now.Text != v.Text {
		t.Errorf("something was saved: %+v", now)
	}
	fresh := must(w.engine.WriteDocument(t.Context(), "ann", portvigil.BaselineVersion{Kind: docGroup, Name: "front", Text: "version: 1\ngroup: front\n"}))
	if !strings.HasPrefix(fresh.Edit, "--- /dev/null\n+++ b/groups/front.yaml\n") {
		t.Errorf("the edit is:\n%s", fresh.Edit)
	}
	if w.engine.BaselineFolder() != "/srv/baseline" || newWorld(t).engine.BaselineFolder() != "" {
		t.Error("the folder is not said")
	}
}
