package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/portvigil/portvigil"
)

// SendmailPath is where the Filesystem Hierarchy Standard (section 4.16) has the
// program that hands a mail to the machine's own mail system.
const SendmailPath = "/usr/sbin/sendmail"

// Sendmail hands a plain text to the local sendmail: `path -t -i`, where the
// recipients stand in the message and a line with a single dot does not end it.
// path is absolute, "" for SendmailPath. This is the only place that runs a
// program; there is no shell, and nothing of the message is on its command line.
//
// nil means that the program took the mail. A program that is not there is a
// portvigil.Error with CodeUnavailable; one that fails is a *Failure.
func Sendmail(ctx context.Context, path, from string, to []string, subject, body string) error {
	if path == "" {
		path = SendmailPath
	}
	if !filepath.IsAbs(path) {
		return invalid("give an absolute path", "%q could be any program of that name", path)
	}
	raw, _, err := plainMail(from, to, subject, body, portvigil.NewID(), Options{}.filled(Email))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	said := &firstBytes{left: longestAnswer}
	cmd := exec.CommandContext(ctx, path, "-t", "-i")
	// A mail on standard input has lines that end as the system's do.
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")))
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = time.Second // for a child of it that keeps our pipe open
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return failed("run "+path, ctx.Err())
	case errors.Is(err, exec.ErrNotFound) || cmd.Process == nil:
		return portvigil.Errorf(portvigil.CodeUnavailable, "the local sendmail cannot be run: %v", err).
			WithHint("install a mail system that has it, or name a mail server with --smtp smtp://HOST")
	}
	text := fmt.Sprintf("run %s: %v", path, err)
	if words := bytes.TrimSpace(said.kept); len(words) > 0 {
		text += ": " + string(words)
	}
	return &Failure{Temporary: temporaryExit(cmd.ProcessState.ExitCode()), text: harmless(text), err: err}
}

// The exit code of sysexits.h for a failure that may pass.
const exitTemporary = 75

// temporaryExit: a killed program (-1) and EX_TEMPFAIL may do better next time.
func temporaryExit(code int) bool { return code == exitTemporary || code < 0 }

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	kept []byte
	left int
}

// Write implements io.Writer; it takes everything.
func (f *firstBytes) Write(p []byte) (int, error) {
	n := min(len(p), f.left)
	f.kept, f.left = append(f.kept, p[:n]...), f.left-n
	return len(p), nil
}
