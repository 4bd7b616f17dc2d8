//go:build !linux

package inside

import (
	"context"
	"runtime"

	"github.com/portvigil/portvigil"
)

// Take looks at the machine once. The inside view is read from Linux's own
// interfaces; elsewhere it returns an error with portvigil.CodeUnavailable.
func Take(context.Context, Options) (*portvigil.Look, error) {
	return nil, portvigil.Errorf(portvigil.CodeUnavailable,
		"the inside view needs Linux: it cannot be taken on %s", runtime.GOOS).
		WithHint("run portvigil check on the Linux host itself")
}
