package inside

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

func TestALifeOfTheMachineHasANameAndABeginning(t *testing.T) {
	t.Parallel()
	const id = "0c9b5c7e-6f3d-4b9c-9d6a-0a3c1f2e4d5b"
	for name, c := range map[string]struct {
		stat, id string
		want     *portvigil.Boot
	}{
		"both are known":     {"btime 1700000000\n", id + "\n", &portvigil.Boot{ID: id, Time: time.Unix(1700000000, 0).UTC()}},
		"there is no id":     {"btime 1700000000\n", "", nil},
		"no beginning":       {"cpu 1\n", id, nil},
		"the id is too long": {"btime 1700000000\n", strings.Repeat("x", 65), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for path, text := range map[string]string{"stat": c.stat, "sys/kernel/random/boot_id": c.id} {
				path = filepath.Join(root, "proc", path)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			m, _ := newMachine(root)
			if diff := cmp.Diff(c.want, m.boot()); diff != "" {
				t.Errorf("boot (-want +got):\n%s", diff)
			}
		})
	}
}

func TestThisMachineLivesOneLife(t *testing.T) {
	t.Parallel()
	m, _ := newMachine("/")
	first, again := m.boot(), m.boot()
	if first == nil {
		t.Skip("this machine does not say when it was started")
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("boot (-first +again):\n%s", diff)
	}
}
