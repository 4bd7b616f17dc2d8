package web

import (
	"net"
	"net/http"
	"strings"
)

// policy runs only the script that we serve, none that stands in a page, and loads
// nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// guard sets what every answer carries, and refuses what no page takes: other
// methods than those of links and forms, forms that another site's page sent, and
// requests that were led here under another name (DNS rebinding). With
// TLS the browser has compared the name; behind a proxy it is the proxy's business; a page of another name brings no
// cookie of ours in any case.
func guard(d *Doorkeeper, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		protect(h, r)
		if !d.BehindProxy && r.TLS == nil && !loopback(r.Host) {
			http.Error(w, "This server answers as localhost and 127.0.0.1 only. Open the link with one of these names.", http.StatusMisdirectedRequest)
			return
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPost:
			// Browsers say which site a form is from: Sec-Fetch-Site, or Origin.
			if http.NewCrossOriginProtection().Check(r) != nil {
				http.Error(w, "This form was sent by another site's page, so nothing was done.", http.StatusForbidden)
				return
			}
		default:
			h.Set("Allow", "GET, HEAD, POST")
			http.Error(w, "The pages take GET, HEAD and POST; programs use the API below /v1/.", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// protect sets what every answer carries. Over TLS it says so for a year
// (RFC 6797), to browsers that believe the certificate.
func protect(h http.Header, r *http.Request) {
	if r.TLS != nil {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// loopback reports whether the host part names this machine itself.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
