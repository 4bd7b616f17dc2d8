package lab

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Request is one HTTP request as the receiver took it. Nothing of it is
// verified; that is for the test.
type Request struct {
	Method string
	Path   string
	Header http.Header
	Body   []byte
	Time   time.Time // when all of it had come
}

// HTTPReceiver is an HTTP server on a host of the lab that keeps what it is
// sent: a webhook's other end, or Slack's.
type HTTPReceiver struct {
	URL string // http://host:port, on IPv4

	received inbox[Request]
	mu       sync.Mutex // guards answer
	answer   http.HandlerFunc
}

// Receiver starts an HTTP server on the port of the host. It answers 200 "ok",
// as Slack does.
func Receiver(t testing.TB, h *Host, port uint16) *HTTPReceiver {
	t.Helper()
	r := &HTTPReceiver{URL: "http://" + h.Addr(port)}
	server := &http.Server{Handler: r, ReadTimeout: patience, WriteTimeout: patience}
	serve(t, h.ListenTCP(t, h.Addr(port)), server.Serve, server.Close)
	return r
}

// Answer replaces what every further request is answered with; nil is 200 "ok".
// The request has been kept, and its body read, when answer is called.
func (r *HTTPReceiver) Answer(answer http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

// ServeHTTP keeps the request and answers it.
func (r *HTTPReceiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	if err != nil {
		return // the sender hung up in the middle: that is no request
	}
	r.received.add(Request{Method: req.Method, Path: req.URL.Path, Header: req.Header, Body: body, Time: time.Now()})
	r.mu.Lock()
	answer := r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, req)
		return
	}
	_, _ = io.WriteString(w, "ok") // a sender that has gone hears nothing
}

// Requests returns what has come so far, in order.
func (r *HTTPReceiver) Requests() []Request { return r.received.all() }

// Wait returns all requests once there are at least n, and fails the test where
// they do not come within the time.
func (r *HTTPReceiver) Wait(t testing.TB, n int, within time.Duration) []Request {
	t.Helper()
	return r.received.wait(t, "request", n, within)
}
