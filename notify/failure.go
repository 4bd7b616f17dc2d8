package notify

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
)

// Failure is the error of every Send. Its text is printable, names the receiver
// by its host only, and holds no secret.
type Failure struct {
	// Temporary tells that a later attempt may succeed as things are: the
	// network, an overload, greylisting, a certificate that is out of date. What
	// is not temporary stays so until somebody mends the channel.
	Temporary bool
	// RetryAfter is how long the receiver asked us to wait, at most a day; 0
	// where it did not say.
	RetryAfter time.Duration
	// Missed lists the recipients whom a mail did not reach although it reached
	// others. Such a failure is never Temporary: trying again would tell the
	// others twice.
	Missed []string

	text string
	err  error // what errors.Is and errors.As may look at; nil for an answer
}

// Error returns what failed, why, and where it helps what to do.
func (f *Failure) Error() string { return f.text }

// Unwrap returns the cause, such as context.DeadlineExceeded.
func (f *Failure) Unwrap() error { return f.err }

// failed makes the Failure of an attempt that ended without an answer. An
// http.Client's error spells out the URL, so only what it wraps is kept.
func failed(action string, err error, secrets ...Secret) *Failure {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	text := action + ": " + err.Error()
	if errors.Is(err, context.DeadlineExceeded) {
		text = action + ": no answer in time"
	}
	return &Failure{Temporary: true, text: harmless(text, secrets...), err: masked(err, secrets)}
}

// masked returns err, or nil where its own text would show a secret to whoever
// unwraps the failure.
func masked(err error, secrets []Secret) error {
	if text := err.Error(); text != withoutSecrets(text, secrets) {
		return nil
	}
	return err
}

// longestText bounds an error in bytes: it is stored, logged and shown, and part
// of it may come from the receiver.
const longestText = 400

// harmless returns a text that may be shown and stored, whatever a receiver
// put into it.
func harmless(text string, secrets ...Secret) string {
	return shorten(portvigil.Printable(withoutSecrets(text, secrets)), longestText)
}

// withoutSecrets masks each secret, plain, in base64 (as SMTP's AUTH sends it)
// and, for an URL, its path and query alone.
func withoutSecrets(text string, secrets []Secret) string {
	for _, secret := range secrets {
		plain := secret.Reveal()
		forms := []string{plain, base64.StdEncoding.EncodeToString([]byte(plain)), strings.TrimPrefix(plain, keyPrefix)}
		if u, err := url.Parse(plain); err == nil && u.Host != "" {
			forms = append(forms, u.RequestURI(), u.RawQuery, u.Path)
			if u.User != nil {
				password, _ := u.User.Password()
				forms = append(forms, password)
			}
		}
		for _, form := range forms {
			if len(form) >= shortestMasked {
				text = strings.ReplaceAll(text, form, hidden)
			}
		}
	}
	return text
}

// shortestMasked keeps a path such as "/" from turning every error into masks.
const shortestMasked = 4

// shorten cuts a text to at most limit bytes, at the end of a character.
func shorten(text string, limit int) string {
	const more = "…"
	if len(text) <= limit {
		return text
	}
	end := 0
	for i, r := range text {
		if i+len(string(r)) > limit-len(more) {
			break
		}
		end = i + len(string(r))
	}
	return text[:end] + more
}
