package detect

import (
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

func web(product, version string, confidence int, makers ...maker) portvigil.Service {
	return portvigil.Service{Name: "http", Product: product, Version: version, CPE: cpes(version, "", makers...), Confidence: confidence}
}

func titled(s portvigil.Service, title string) portvigil.Service {
	s.Title = title
	return s
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	nginx := []maker{{"f5", "nginx"}, {"nginx", "nginx"}}
	checkExamples(t, []example{
		{name: "nginx of Debian", answer: "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html>\n<html>\n<head>\n<title>Welcome to nginx!</title>",
			want: titled(web("nginx", "1.22.1", sureByBanner, nginx...), "Welcome to nginx!")},
		{name: "nginx of Ubuntu hides behind no version", answer: "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\n\r\n", want: web("nginx", "", sureByBanner, nginx...)},
		{name: "nginx of Ubuntu", answer: "HTTP/1.1 404 Not Found\r\nServer: nginx/1.18.0 (Ubuntu)\r\n\r\n", want: web("nginx", "1.18.0", sureByBanner, nginx...)},
		{name: "Apache httpd of Debian", answer: "HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nServer: Apache/2.4.57 (Debian)\r\n\r\n<title>Apache2 Debian Default Page: It works</title>",
			want: titled(web("Apache httpd", "2.4.57", sureByBanner, maker{"apache", "http_server"}), "Apache2 Debian Default Page: It works")},
		{name: "Apache httpd with modules", answer: "HTTP/1.0 302 Found\r\nServer: Apache/2.4.37 (Rocky Linux) OpenSSL/1.1.1k\r\nLocation: https://example.org/\r\n\r\n",
			want: web("Apache httpd", "2.4.37", sureByBanner, maker{"apache", "http_server"})},
		{name: "Tomcat's connector is not Tomcat's version", answer: "HTTP/1.1 200 \r\nServer: Apache-Coyote/1.1\r\n\r\n", want: web("Apache Tomcat", "", sureByBanner, maker{"apache", "tomcat"})},
		{name: "Tomcat tells itself in its title", answer: "HTTP/1.1 200 \r\nContent-Type: text/html\r\n\r\n<html><head><title>Apache Tomcat/10.1.34</title>",
			want: titled(web("Apache Tomcat", "10.1.34", sureByBanner, maker{"apache", "tomcat"}), "Apache Tomcat/10.1.34")},
		{name: "Jetty puts its version in brackets", answer: "HTTP/1.1 404 Not Found\r\nServer: Jetty(9.4.50.v20221201)\r\n\r\n", want: web("Jetty", "9.4.50.v20221201", sureByBanner, maker{"eclipse", "jetty"})},
		{name: "lighttpd", answer: "HTTP/1.0 200 OK\r\nserver: lighttpd/1.4.69\r\n\r\n", want: web("lighttpd", "1.4.69", sureByBanner, maker{"lighttpd", "lighttpd"})},
		{name: "Caddy", answer: "HTTP/1.1 200 OK\r\nServer: Caddy\r\n\r\n", want: web("Caddy", "", sureByBanner, maker{"caddyserver", "caddy"})},
		{name: "an unknown server in its own words", answer: "HTTP/1.1 200 OK\r\nServer: mini_httpd/1.30 26Oct2018\r\n\r\n", want: web("mini_httpd", "1.30", sureByOwnWords)},
		{name: "no Server header", answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", want: web("", "", sureOfProtocol)},
		{name: "terminal codes are no server", answer: "HTTP/1.1 200 OK\r\nServer: \x1b]0;owned\x07nginx/1.0\r\n\r\n", want: web("", "", sureOfProtocol)},
		{name: "markup is no version", answer: "HTTP/1.1 200 OK\r\nServer: nginx/1<script>alert(1)</script>\r\n\r\n", want: web("nginx", "", sureByBanner, nginx...)},
		{name: "a title is one clean line", answer: "HTTP/1.1 200 OK\r\n\r\n<TITLE lang=de>\n  B\u00fcro &lt;b&gt;\x00\x1b[31m\u202e  &amp;\r\n\tmehr\xff</TITLE>",
			want: titled(web("", "", sureOfProtocol), "B\u00fcro <b>[31m & mehr\ufffd")},
		{name: "a long title is cut", answer: "HTTP/1.1 200 OK\r\n\r\n<title>" + strings.Repeat("\u00e9", 900) + "</title>",
			want: titled(web("", "", sureOfProtocol), strings.Repeat("\u00e9", maxTitle))},
		{name: "a bare line feed ends lines too", answer: "HTTP/1.0 200 OK\nServer: thttpd/2.29\n\n<title>x</title>", want: titled(web("thttpd", "2.29", sureByOwnWords), "x")},
		{name: "HTTP without a status is none", answer: "HTTP/1.1 hello\r\n\r\n", want: portvigil.Service{}},
	})
}

func TestAnAnswerIsWholeWhenItsOwnHeadSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		want         bool
	}{
		{"with all of its length", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", true},
		{"with a part of its length", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", false},
		{"with the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", true},
		{"before the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", false},
		{"without a length", "HTTP/1.1 200 OK\r\n\r\nab", false},
		{"with half a head", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", false},
		{"without content by its status", "HTTP/1.1 204 No Content\r\n\r\n", true},
		{"of another protocol", "-ERR unknown command\r\n", true},
		{"of TLS", "\x15\x03\x01\x00\x02\x02\x16", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := wholeHTTP()([]byte(c.answer)); got != c.want {
				t.Errorf("whole: got %v, want %v", got, c.want)
			}
		})
	}
}
