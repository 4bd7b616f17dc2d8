package lab

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// The answers of an HTTPReceiver that is in trouble, for Answer. Each has taken
// the whole request first: the sender cannot know whether it arrived.

// Status answers with the code and nothing more.
func Status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// TooMany answers 429 and asks for a pause in whole seconds (RFC 6585, section 4).
func TooMany(seconds int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// Raw hangs up after these bytes, which need not be HTTP: nonsense, or the first
// half of an answer.
func Raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return // the sender has gone
		}
		_, _ = io.WriteString(conn, text) // a sender that has gone hears nothing
		_ = conn.Close()
	}
}

// Late answers 200 after this time, or never when the sender goes before. An
// hour is a receiver that hangs.
func Late(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			_, _ = io.WriteString(w, "ok") // a sender that has gone hears nothing
		case <-r.Context().Done():
		}
	}
}

// MailFault is what a MailServer does instead of taking a mail whose data has
// come: it answers with the error, or otherwise than SMTP would, on the
// connection.
type MailFault func(*smtp.Conn) error

// Answer has every further mail end in the fault; nil takes them again. What
// ends so is not among Messages.
func (m *MailServer) Answer(f MailFault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// errFault ends a session whose connection a fault has closed already.
var errFault = errors.New("the connection is closed")

// RawMail hangs up after these bytes, which need not be SMTP.
func RawMail(text string) MailFault {
	return func(c *smtp.Conn) error {
		_, _ = io.WriteString(c.Conn(), text) // a sender that has gone hears nothing
		_ = c.Close()
		return errFault
	}
}

// LateMail takes the mail after this time.
func LateMail(d time.Duration) MailFault {
	return func(*smtp.Conn) error {
		<-time.After(d)
		return nil
	}
}

// SlowDisk is the command under which a program and its children find that every
// fsync(2) and fdatasync(2) takes this much longer, as on a disk that is worn or
// shared. The file gets a line for each. strace(1) is a grandchild of the program
// (-D), which so keeps its place and its process id.
func SlowDisk(t testing.TB, delay time.Duration, file string) []string {
	t.Helper()
	Require(t, "strace")
	const calls = "fsync,fdatasync"
	return []string{"strace", "-D", "-f", "-qq", "--seccomp-bpf", "-o", file, "-e", "trace=" + calls, "-e", "signal=none",
		"-e", fmt.Sprintf("inject=%s:delay_exit=%d", calls, delay.Microseconds())}
}
