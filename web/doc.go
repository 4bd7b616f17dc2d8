// Package web answers: who may ask what of the server over HTTP, and how is it
// answered?
//
//	Unix socket ──> API (JSON)            whoever may open the socket is trusted
//	TCP listener ─> session ─> pages      a one-time link or a password (and code), then a cookie
//	             ├> bearer ──> API        a token with a scope, made for one program
//	             └> bearer ──> /metrics   a token of its own, for Prometheus
//
// The API does all that the commands do, on the socket and elsewhere alike, and
// describes itself by an OpenAPI document that is made of its routes and their
// types (describe.go); the
// pages show what is and say which command changes it. Everything that a scanned host sent goes
// through html/template's contextual escaping, under a Content-Security-Policy
// that runs no script at all.
//
// It refuses: any answer without a session or token on TCP, also on loopback
// (the style sheet excepted, which is no secret); requests to a loopback address
// under another name (DNS rebinding); methods other than GET on the pages, but for
// the forms to sign in and out, which other sites cannot send; a cookie in place
// of a token; and to show what an internal error says: that is in the log. Begin
// reading in api_routes.go and pages.go; who somebody is, is said by the package
// account.
package web
