package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/cobra"
)

// version is stamped by the linker (Makefile).
var version = "devel"

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version and build", Example: "  portvigil version --json", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.record(map[string]any{"type": "version", "time": time.Now().UTC(), "version": version,
					"go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH})
			}
			_, err := fmt.Fprintf(a.stdout, "portvigil %s (%s, %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
