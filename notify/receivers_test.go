package notify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Real receivers for the tests: an SMTP server and an HTTP server on loopback.

// mailServer is a real SMTP server that keeps what it takes.
type mailServer struct {
	address string
	roots   *x509.CertPool

	refuseFrom, refuseData error            // nil takes it
	refuseTo               map[string]error // by recipient
	password               string           // "" offers no sign-in

	mu    sync.Mutex
	mails []envelope // guarded by mu
	users []string   // guarded by mu; who signed in
	tls   []bool     // guarded by mu; of each mail
}

type smtpOption func(*mailServer, *smtp.Server)

func withSTARTTLS(m *mailServer, s *smtp.Server) { s.TLSConfig = selfMade(m) }

func withPassword(password string) smtpOption {
	return func(m *mailServer, _ *smtp.Server) { m.password = password }
}

// startMail starts the server; implicit has it speak TLS from the first byte.
func startMail(t *testing.T, implicit bool, options ...smtpOption) *mailServer {
	t.Helper()
	m := &mailServer{refuseTo: map[string]error{}}
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &mailSession{server: m, conn: c}, nil
	}))
	s.Domain, s.AllowInsecureAuth, s.ErrorLog = "mail.test", true, log.New(io.Discard, "", 0)
	for _, option := range options {
		option(m, s)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m.address = l.Addr().String()
	if implicit {
		l = tls.NewListener(l, selfMade(m))
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return m
}

// taken returns the mails that the server took.
func (m *mailServer) taken() []envelope {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]envelope(nil), m.mails...)
}

// encrypted reports whether the last mail came over TLS.
func (m *mailServer) encrypted() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.tls) > 0 && m.tls[len(m.tls)-1]
}

type mailSession struct {
	server *mailServer
	conn   *smtp.Conn
	mail   envelope
}

func (s *mailSession) AuthMechanisms() []string {
	if s.server.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != s.server.password {
			// A server may say anything, also what it was given.
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "no user with password " + password}
		}
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.users = append(s.server.users, user)
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	return s.server.refuseFrom
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := s.server.refuseTo[to]; err != nil {
		return err
	}
	s.mail.to = append(s.mail.to, to)
	return nil
}

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.refuseData != nil {
		return s.server.refuseData
	}
	s.mail.raw = raw
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	_, encrypted := s.conn.TLSConnectionState()
	s.server.mails, s.server.tls = append(s.server.mails, s.mail), append(s.server.tls, encrypted)
	return nil
}

func (s *mailSession) Reset()        { s.mail = envelope{} }
func (s *mailSession) Logout() error { return nil }

// selfMade makes a certificate for mail.test and 127.0.0.1, and the pool that
// trusts it.
func selfMade(m *mailServer) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.test"}, DNSNames: []string{"mail.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, leaf, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	m.roots = x509.NewCertPool()
	m.roots.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// startTalk starts a server that says what script says, line by line: one after
// each line of the client. An empty line says nothing and reads on; at the end it
// closes the connection, unless hang is set.
func startTalk(t *testing.T, hang bool, script ...string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { talk(c, hang, script) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); running.Wait() })
	return l.Addr().String()
}

func talk(c net.Conn, hang bool, script []string) {
	defer func() { _ = c.Close() }()
	line := make([]byte, 64<<10)
	for _, answer := range script {
		if _, err := io.WriteString(c, answer+"\r\n"); err != nil {
			return
		}
		if _, err := c.Read(line); err != nil {
			return
		}
	}
	if hang {
		_, _ = io.Copy(io.Discard, c) // until the client gives up
	}
}

// post is a request that an httpReceiver took.
type post struct {
	header http.Header
	body   []byte
}

// httpReceiver is a real HTTP server that answers as told and keeps the posts.
type httpReceiver struct {
	url    string
	answer http.HandlerFunc // nil: 200 ok

	mu    sync.Mutex
	posts []post // guarded by mu
}

func startHTTP(t *testing.T, answer http.HandlerFunc) *httpReceiver {
	t.Helper()
	r := &httpReceiver{answer: answer}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil && !errors.Is(err, io.EOF) {
			return
		}
		r.mu.Lock()
		r.posts = append(r.posts, post{request.Header.Clone(), bytes.Clone(body)})
		r.mu.Unlock()
		if r.answer == nil {
			_, _ = io.WriteString(w, "ok")
			return
		}
		r.answer(w, request)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

func (r *httpReceiver) taken() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]post(nil), r.posts...)
}
