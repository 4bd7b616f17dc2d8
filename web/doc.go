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
// types (describe.go). The pages show what is, and have a form for what people
// decide; all of it works without a script. The one script that there is, ours,
// takes over what changed: a stream of server-sent events says that something did.
// Everything that a scanned host sent goes through html/template's contextual
// escaping, under a Content-Security-Policy that runs nothing that stands in a page.
//
// It refuses: any answer without a session or token on TCP, also on loopback
// (but for the style sheet and the script, which are no secrets); requests to a
// loopback address under another name (DNS rebinding); forms that another site's
// page sent; a cookie in place of a token; and to show what an internal error says:
// that is in the log. Begin reading in api_routes.go and pages_routes.go, the two
// tables of all there is to ask; who somebody is, is said by the package account.
package web
