package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/portvigil/portvigil"
)

func (a *app) completionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "completion bash|zsh|fish|man DIR",
		Short: "Print shell completion, or write man pages",
		Long:  "Prints the completion script of a shell, or writes a man page a command into a folder.",
		Example: `  portvigil completion bash > /etc/bash_completion.d/portvigil
  portvigil completion man /usr/local/share/man/man1`,
		ValidArgs: []string{"bash", "zsh", "fish", "man"},
		RunE: func(c *cobra.Command, args []string) error {
			root := c.Root()
			switch {
			case len(args) == 1 && args[0] == "bash":
				return root.GenBashCompletionV2(a.stdout, true)
			case len(args) == 1 && args[0] == "zsh":
				return root.GenZshCompletion(a.stdout)
			case len(args) == 1 && args[0] == "fish":
				return root.GenFishCompletion(a.stdout, true)
			case len(args) == 2 && args[0] == "man":
				return a.manPages(root, args[1])
			}
			return portvigil.Errorf(portvigil.CodeInvalid, "completion takes bash, zsh or fish, or man and a folder").
				WithHint("for example: portvigil completion bash > /etc/bash_completion.d/portvigil")
		},
	}
	return c
}

func (a *app) manPages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of the man pages: %w", err)
	}
	root.DisableAutoGenTag = true // the same commands give the same pages
	if err := doc.GenManTree(root, &doc.GenManHeader{Title: "PORTVIGIL", Section: "1", Source: "PortVigil " + version, Manual: "PortVigil"}, dir); err != nil {
		return fmt.Errorf("write man pages into %s: %w", dir, err)
	}
	return a.say("The man pages are in %s.", dir)
}
