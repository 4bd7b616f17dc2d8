package detect

import (
	"bytes"
	"context"
	"html"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// maxPage is how much of the page at / is read: titles and the versions that
// exporters print stand at the beginning.
const maxPage = 64 << 10

// httpProtocol: RFC 9112. One GET / without Accept-Encoding, so that nothing
// comes compressed, on a connection that ends with the answer. Redirects are
// not followed.
func httpProtocol() *protocol {
	return &protocol{
		name: stepHTTP,
		plain: []uint16{80, 81, 591, 3000, 3128, 8000, 8008, 8080, 8081, 8082, 8088, 8888, 9090, 9091, 9093, 9100, 9104,
			9113, 9115, 9117, 9121, 9182, 9187, 9256, 9323},
		secure:  []uint16{443, 4443, 8006, 8443, 9443, 10443},
		request: func(v *visit) []byte { return v.get("/") },
		limit:   maxPage,
		whole:   wholeHTTP,
		read:    readHTTP,
		further: askMetrics,
	}
}

// get returns the request for a path.
func (v *visit) get(path string) []byte {
	host := v.serverName
	if host == "" {
		host = v.endpoint.Addr().WithZone("").String()
	}
	if port := v.endpoint.Port(); port != 80 && port != 443 {
		host = net.JoinHostPort(host, strconv.Itoa(int(port)))
	} else if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + v.o.UserAgent +
		"\r\nAccept: */*\r\nConnection: close\r\n\r\n")
}

// page is an answer of HTTP/1, as far as it came.
type page struct {
	status int
	header map[string]string // by lower-case name; the first of several wins
	body   []byte
}

// maxHeaders is how many header lines are looked at.
const maxHeaders = 100

var statusLine = regexp.MustCompile(`^HTTP/1\.[0-9] ([1-5][0-9][0-9])(?: |$)`)

// parsePage reads the head and takes the rest as the body; chunk sizes stay in
// it, where they disturb no pattern that is looked for.
func parsePage(b []byte) (page, bool) {
	m := statusLine.FindStringSubmatch(firstLine(b[:min(len(b), 1<<10)]))
	if m == nil {
		return page{}, false
	}
	head, body := splitHead(b)
	p := page{header: make(map[string]string), body: body}
	p.status, _ = strconv.Atoi(m[1]) // three digits, says the pattern
	for i, text := range strings.Split(string(head), "\n") {
		name, value, ok := strings.Cut(text, ":")
		if i == 0 || !ok {
			continue
		}
		if i > maxHeaders {
			break
		}
		if name = strings.ToLower(strings.TrimSpace(name)); p.header[name] == "" {
			p.header[name] = strings.TrimSpace(value)
		}
	}
	return p, true
}

// splitHead cuts at the empty line; without one all is head.
func splitHead(b []byte) (head, body []byte) {
	end, skip := bytes.Index(b, []byte("\r\n\r\n")), 4
	if bare := bytes.Index(b, []byte("\n\n")); bare >= 0 && (end < 0 || bare < end) {
		end, skip = bare, 2
	}
	if end < 0 {
		return b, nil
	}
	return b[:end], b[end+skip:]
}

// wholeHTTP returns a function that knows when an answer is complete by its
// Content-Length or last chunk; without either the end of the stream tells.
func wholeHTTP() func([]byte) bool {
	bodyAt, length, chunked := 0, -1, false
	return func(b []byte) bool {
		if bodyAt == 0 {
			head, body := splitHead(b)
			if len(head) == len(b) {
				return !bytes.HasPrefix(b, []byte("HTTP/")) && (looksLikeTLS(b) || wholeGreeting(b))
			}
			bodyAt = len(b) - len(body)
			p, _ := parsePage(b)
			chunked = strings.EqualFold(p.header["transfer-encoding"], "chunked")
			if n, err := strconv.Atoi(p.header["content-length"]); err == nil && n >= 0 {
				length = n
			}
			if p.status == 204 || p.status == 304 {
				length = 0
			}
		}
		return chunked && bytes.HasSuffix(b, []byte("0\r\n\r\n")) || !chunked && length >= 0 && len(b)-bodyAt >= length
	}
}

var titleElement = regexp.MustCompile(`(?is)<title(?:\s[^>]*)?>(.*?)</title`)

func readHTTP(b []byte, _ uint16) (reading, bool) {
	p, ok := parsePage(b)
	if !ok {
		return reading{}, false
	}
	r := named(stepHTTP, "http: status line")
	if m := titleElement.FindSubmatch(p.body); m != nil {
		r.service.Title = line(html.UnescapeString(string(m[1])), maxTitle)
	}
	serverHeader(p.header["server"], &r)
	application(p, &r)
	return r, true
}

// askMetrics asks what looks like a Prometheus exporter for its own word.
func askMetrics(ctx context.Context, v *visit, w *wire, answer []byte, r *reading) {
	p, ok := parsePage(answer)
	if !ok || !offersMetrics(p) || v.over() {
		return
	}
	again, err := w.again(ctx)
	if err != nil {
		v.tell(StepEnded, "http-metrics", nil, err.Error())
		return
	}
	defer again.Close()
	again.probe = "http-metrics"
	if again.say(v.get("/metrics")) != nil {
		return
	}
	all := v.o.Timeout
	metrics, _ := again.hear(hearing{first: all / 2, rest: all / 2, limit: maxMetrics, whole: untilBuildInfo()})
	before := r.rule
	if readMetrics(metrics, &r.service) {
		r.rule = "prometheus: build_info in /metrics"
		v.tell(StepRule, "http-metrics", nil, r.rule+" says "+r.service.Label()+" (before: "+before+")")
	}
}
