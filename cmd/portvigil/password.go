package main

import (
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// newPassword reads a new password from a file, or twice from the terminal,
// which does not show it.
func (a *app) newPassword(name, file string) (string, error) {
	if file != "" {
		secret, err := a.secretFrom(file)
		if err != nil {
			return "", err
		}
		return secret.Reveal(), account.CheckPassword(name, secret.Reveal())
	}
	terminal, ok := a.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return "", portvigil.Errorf(portvigil.CodeInvalid, "there is no terminal to ask for a password").
			WithHint("give --password-file FILE, or --password-file - and the password on standard input")
	}
	first, err := a.ask(terminal, "New password for "+portvigil.Printable(name)+": ")
	if err != nil {
		return "", err
	}
	if err := account.CheckPassword(name, first); err != nil {
		return "", err
	}
	again, err := a.ask(terminal, "Once more: ")
	if err == nil && again != first {
		err = portvigil.Errorf(portvigil.CodeInvalid, "the two are not the same").WithHint("try again")
	}
	return first, err
}

func (a *app) ask(terminal *os.File, prompt string) (string, error) {
	fmt.Fprint(a.stderr, prompt)
	text, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}
