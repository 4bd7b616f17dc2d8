package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

// need refuses fewer than n arguments, and more where shape has no "…", with
// the shape that was expected.
func need(n int, shape string) cobra.PositionalArgs {
	open := strings.HasSuffix(shape, "…")
	return func(c *cobra.Command, args []string) error {
		if len(args) >= n && (open || len(args) == n) {
			return nil
		}
		return portvigil.Errorf(portvigil.CodeInvalid, "%s takes %s", c.CommandPath(), shape).WithHint("see: %s --help", c.CommandPath())
	}
}

// unwrapPath takes the path off an error of the file system, where the message
// names it already.
func unwrapPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
