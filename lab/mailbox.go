package lab

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// Message is one mail as the receiver took it.
type Message struct {
	From string    // of the envelope
	To   []string  // of the envelope
	Data string    // header and body, as they came over the wire
	Time time.Time // when all of it had come
}

// MailServer is a real SMTP server on a host of the lab. It takes every mail
// for everybody, without a password and without TLS.
type MailServer struct {
	Addr string // host:port, on IPv4

	received inbox[Message]
	mu       sync.Mutex // guards what follows
	refusal  *smtp.SMTPError
	fault    MailFault
}

// Mailbox starts an SMTP server on port 25 of the host.
func Mailbox(t testing.TB, h *Host) *MailServer {
	t.Helper()
	m := &MailServer{Addr: h.Addr(25)}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: m, conn: c}, nil
	}))
	server.Domain = h.Name
	server.ReadTimeout, server.WriteTimeout = patience, patience
	serve(t, h.ListenTCP(t, ":25"), server.Serve, server.Close)
	return m
}

// Refuse answers every further mail with the SMTP code and text; 0 takes them
// again. Codes from 500 are for good, those below may be tried again (RFC 5321,
// section 4.2.1).
func (m *MailServer) Refuse(code int, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusal = nil
	if code != 0 {
		m.refusal = &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
	}
}

// Messages returns what has come so far, in order.
func (m *MailServer) Messages() []Message { return m.received.all() }

// Wait returns all messages once there are at least n, and fails the test where
// they do not come within the time.
func (m *MailServer) Wait(t testing.TB, n int, within time.Duration) []Message {
	t.Helper()
	return m.received.wait(t, "mail", n, within)
}

// session is one connection to the server.
type session struct {
	server  *MailServer
	conn    *smtp.Conn
	message Message
}

// Mail begins a message.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refusal != nil {
		return s.server.refusal
	}
	s.message = Message{From: from}
	return nil
}

// Rcpt adds a recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.message.To = append(s.message.To, to)
	return nil
}

// Data takes the message.
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	came := time.Now()
	s.server.mu.Lock()
	fault := s.server.fault
	s.server.mu.Unlock()
	if fault != nil {
		if err := fault(s.conn); err != nil {
			return err
		}
	}
	s.message.Data, s.message.Time = string(data), came
	s.server.received.add(s.message)
	return nil
}

// Reset forgets a message that was begun.
func (s *session) Reset() { s.message = Message{} }

// Logout ends the session.
func (s *session) Logout() error { return nil }

// serve runs a server until the test ends, and waits for it then.
func serve(t testing.TB, l net.Listener, run func(net.Listener) error, stop func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- run(l) }()
	t.Cleanup(func() {
		if err := stop(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("stop the server on %s: %v", l.Addr(), err)
		}
		<-done // always an error: that it was closed
	})
}
