package inside

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/portvigil/portvigil"
)

// boot names the machine's life: random(4) has a boot_id that is another one
// after each start. It is nil where that, or when it began, cannot be read.
func (m *machine) boot() *portvigil.Boot {
	text, err := os.ReadFile(filepath.Join(m.proc, "sys/kernel/random/boot_id"))
	id := strings.TrimSpace(string(text))
	if err != nil || id == "" || len(id) > 64 || m.booted.IsZero() {
		return nil
	}
	return &portvigil.Boot{ID: id, Time: m.booted.UTC()}
}
