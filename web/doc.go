// Package web answers: who may ask what of the server over HTTP, and how is it
// answered?
//
//	Unix socket ──> API (JSON)            whoever may open the socket is trusted
//	TCP listener ─> session ─> pages      the one-time link, then a cookie
//	             └> bearer ──> /metrics   a token of its own, for Prometheus
//
// The API on the socket does all that the commands do; the pages show what is
// and say which command changes it. Everything that a scanned host sent goes
// through html/template's contextual escaping, under a Content-Security-Policy
// that runs no script at all.
//
// It refuses: any answer without a session or token on TCP, also on loopback
// (the style sheet excepted, which is no secret); requests to a loopback address
// under another name (DNS rebinding); methods other than GET on the pages; and
// to show what an internal error says: that is in the log. Begin reading in
// api.go and pages.go.
package web
