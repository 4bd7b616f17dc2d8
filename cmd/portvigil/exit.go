package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/portvigil/portvigil"
)

// The exit codes that every command shares.
const (
	exitExpected = 0
	exitDiffers  = 1
	exitFailed   = 2
)

// outcome ends a command with a code. The message goes to stderr as one line;
// an outcome without one says nothing more than was printed already.
type outcome struct {
	code int
	err  error
}

func (o *outcome) Error() string {
	if o.err == nil {
		return fmt.Sprintf("exit code %d", o.code)
	}
	return o.err.Error()
}

// Unwrap returns the cause.
func (o *outcome) Unwrap() error { return o.err }

// differs ends a command that found what is not as it should be.
func differs() error { return &outcome{code: exitDiffers} }

// failed ends a command that could not tell, with what it has to say of that.
func failed(err error) error { return &outcome{code: exitFailed, err: err} }

// exit turns what a command returned into an exit code, and into one line on
// stderr that says what to do.
func (a *app) exit(err error) int {
	if err == nil {
		return exitExpected
	}
	code := exitFailed
	var o *outcome
	if errors.As(err, &o) {
		code, err = o.code, o.err
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "portvigil: %s\n", oneLine(explain(err)))
	}
	return code
}

// explain adds the step to take to errors of the system that say none.
func explain(err error) string {
	text := err.Error()
	var known *portvigil.Error
	switch {
	case errors.As(err, &known):
		return text
	case errors.Is(err, context.Canceled):
		return "stopped"
	case errors.Is(err, syscall.ENOSPC):
		return text + "; free some space on that disk, nothing that was there before is lost"
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return text + "; run it as a user who may, or name another folder with --data"
	}
	return text
}

// oneLine keeps a message on one line, whatever foreign text is in it.
func oneLine(s string) string {
	lines := strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' })
	for i := range lines {
		lines[i] = portvigil.Printable(lines[i])
	}
	return strings.Join(lines, "; ")
}
