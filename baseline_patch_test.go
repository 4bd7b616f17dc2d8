package portvigil

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAPatchShowsWhatChangesWithLinesAround(t *testing.T) {
	t.Parallel()
	got := BaselinePatch("web1.yaml", []byte("a\nb\nc\nd\ne\nf\ng\nh\n"), []byte("a\nb\nc\nd\nE\nf\ng\nh\n"))
	want := `--- a/web1.yaml
+++ b/web1.yaml
@@ -2,7 +2,7 @@
 b
 c
 d
-e
+E
 f
 g
 h
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	if got := BaselinePatch("new.yaml", nil, []byte("a\n")); got != "--- /dev/null\n+++ b/new.yaml\n@@ -0,0 +1,1 @@\n+a\n" {
		t.Errorf("a new file: %q", got)
	}
	if got := BaselinePatch("same.yaml", []byte("a\n"), []byte("a\n")); got != "" {
		t.Errorf("nothing changes: %q", got)
	}
}

// The law is git's own: what it applies to the one text is the other.
func TestGitAppliesAPatch(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git on this machine")
	}
	lines := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 12), func(list []string) string {
		return strings.Join(list, "\n")
	})
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		end := rapid.SampledFrom([]string{"\n", ""})
		before, after := lines.Draw(t, "before")+end.Draw(t, "its end"), lines.Draw(t, "after")+end.Draw(t, "its end")
		patch := BaselinePatch("web1.yaml", []byte(before), []byte(after))
		if patch == "" {
			return
		}
		file := filepath.Join(folder, "web1.yaml")
		if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
			t.Fatal(err)
		}
		apply := exec.Command("git", "apply", "--unidiff-zero", "-")
		apply.Dir, apply.Stdin = folder, strings.NewReader(patch)
		if out, err := apply.CombinedOutput(); err != nil {
			t.Fatalf("git apply: %v: %s\n%s", err, out, patch)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(after, string(got)); diff != "" {
			t.Fatalf("git made (-want +got):\n%s\nof %q by\n%s", diff, before, patch)
		}
	})
}
