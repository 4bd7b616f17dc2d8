package notify

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/portvigil/portvigil"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds got against testdata/name.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

func messages() map[string]Message {
	return map[string]Message{
		"opened": opened(), "resolved": resolved(), "unknown": unknown(), "first-sight": firstSight(),
		"silent": silent(), "flood": flood(), "test": fixedTest(),
	}
}

func fixedTest() Message {
	m := NewTest("ops", seen)
	m.ID, m.Alert.ID = "01890000-0000-7000-8000-000000000003", "01890000-0000-7000-8000-000000000003"
	return m
}

func TestRenderedMessagesEqualTheirGoldenFiles(t *testing.T) {
	t.Parallel()
	for name, m := range messages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m = m.linked("https://portvigil.example.org")
			golden(t, name+".txt", []byte("Subject: "+Subject(m)+"\n\n"+Text(m)))
			page, err := htmlOf(m)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html", []byte(page))
			golden(t, name+".slack.json", indented(t, slackPost(contentOf(m))))
			golden(t, name+".webhook.json", indented(t, eventOf(m)))
		})
	}
}

func indented(t *testing.T, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestMailEqualsItsGoldenFileOnEveryAttempt(t *testing.T) {
	t.Parallel()
	from, to, err := parseAddresses("PortVigil <portvigil@example.org>", []string{"ann@example.org", "bob@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	e := &email{mailer: mailer{options: Options{Version: "1.0"}}, from: from, to: to}
	first, err := e.compose(opened().linked("https://portvigil.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := e.compose(opened().linked("https://portvigil.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(first), string(second)); diff != "" {
		t.Errorf("two attempts differ:\n%s", diff)
	}
	golden(t, "opened.eml", bytes.ReplaceAll(first, []byte("\r\n"), []byte("\n")))
}

// readMail takes a mail apart: its header, its text and its HTML.
func readMail(raw []byte) (header mail.Header, text, page string, err error) {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, "", "", err
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return nil, "", "", err
	}
	if kind == "text/plain" {
		var b bytes.Buffer
		_, err := b.ReadFrom(quotedprintable.NewReader(msg.Body))
		return msg.Header, strings.ReplaceAll(b.String(), "\r\n", "\n"), "", err
	}
	form := multipart.NewReader(msg.Body, params["boundary"])
	var parts []string
	for {
		part, err := form.NextPart()
		if err != nil {
			break
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(part); err != nil {
			return nil, "", "", err
		}
		parts = append(parts, strings.ReplaceAll(b.String(), "\r\n", "\n"))
	}
	if len(parts) != 2 {
		return nil, "", "", fmt.Errorf("the mail has %d parts", len(parts))
	}
	return msg.Header, parts[0], parts[1], nil
}

func TestSubjectSaysWhatHappened(t *testing.T) {
	t.Parallel()
	with := func(m Message, change func(*Message)) Message { change(&m); return m }
	for _, tc := range []struct {
		name, want string
		m          Message
	}{
		{"an open door has host, door and service", "[PortVigil] high: web1 9100/tcp opened: Prometheus node exporter 1.5.0", opened()},
		{"a door of which nothing is known has no service", "[PortVigil] high, again: web1 9100/tcp opened", unknown()},
		{"a resolution says how", "[PortVigil] resolved as expected: web1 9100/tcp: Prometheus node exporter 1.5.0", resolved()},
		{"first sight counts the doors left", "[PortVigil] medium: web1: 33 doors to explain", firstSight()},
		{"a silent host has no door", "[PortVigil] medium: web1: inside view is silent", silent()},
		{"a flood that rose says so", "[PortVigil] high, risen: web1: many new doors at once", flood()},
		{"a test is one", "[PortVigil] test of channel ops", fixedTest()},
		{"a listener without a service has its program", "[PortVigil] medium: web1 9100/tcp listens: prometheus-node-exporter",
			with(opened(), func(m *Message) {
				m.Alert.Kind, m.Alert.Severity, m.Alert.Service = portvigil.Kind(portvigil.UnexpectedListening), portvigil.Medium, nil
			})},
		{"a kind from the future is told by its name", "[PortVigil] low: vantage oslo: stale-clock",
			Message{Event: portvigil.AlertOpened, Alert: portvigil.Alert{Kind: "stale-clock", Severity: portvigil.Low, Subject: portvigil.Subject{Kind: "vantage", Name: "oslo"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := Subject(tc.m); got != tc.want {
				t.Errorf("Subject = %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEveryKindHasStepsAndNoDoubledStop(t *testing.T) {
	t.Parallel()
	for _, info := range portvigil.Kinds() {
		m := opened()
		m.Alert.Kind = info.Kind
		c := contentOf(m)
		if len(c.Steps) == 0 || c.Why == "" || c.Do == "" {
			t.Errorf("%s: steps %v, why %q, do %q", info.Kind, c.Steps, c.Why, c.Do)
		}
		if strings.Contains(Text(m), "..") {
			t.Errorf("%s: %s", info.Kind, Text(m))
		}
	}
}

func TestShellWordCannotEndItsWord(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"web1.example.org": "web1.example.org",
		"9100/tcp":         "9100/tcp",
		"":                 "''",
		"a b":              "'a b'",
		"$(reboot)":        "'$(reboot)'",
		"it's":             `'it'\''s'`,
		"a\nreboot":        `'a\x0areboot'`,
	} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestSlackEscapeCutsNoEntity(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		limit    int
		want     string
	}{
		{"nothing to escape stays", "web1", 10, "web1"},
		{"the three characters of Slack are escaped", "<!channel> & co", 100, "&lt;!channel&gt; &amp; co"},
		{"a text that just fits is whole", "abcdef", 6, "abcdef"},
		{"a longer one ends with an ellipsis", "abcdefg", 6, "abc…"},
		{"an entity is left out as a whole", "abc<<<<", 10, "abc&lt;…"},
		{"a character is left out as a whole", "äöüß", 7, "äö…"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := slackEscape(tc.in, tc.limit); got != tc.want {
				t.Errorf("slackEscape(%q, %d) = %q, want %q", tc.in, tc.limit, got, tc.want)
			}
		})
	}
}

// FuzzHostileStringsStayText holds the laws of rendering: whatever a host sent,
// the text has no control characters, the page has no element, attribute or link
// of its own, Slack's blocks have no mention and keep Slack's limits, and the
// mail has the headers that we gave it.
func FuzzHostileStringsStayText(f *testing.F) {
	for _, s := range []string{
		"", "web1", "<script>alert(1)</script>", "\x1b[2J\x00\xff", "x\r\nBcc: eve@example.org\r\n\r\n<b>", "<!channel> <@U1> <https://e|x>",
		"\u202egnp", `" onload="x`, "javascript:alert(1)", "`rm`", strings.Repeat("<&>", 300), "{{.}}", "=?utf-8?q?=0d=0aBcc:?=", "'; reboot #",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, m := range messages() {
			m = hostile(m, s)
			checkLine(t, name, Subject(m))
			for line := range strings.SplitSeq(Text(m), "\n") {
				checkLine(t, name, line)
			}
			page, err := htmlOf(m)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			checkPage(t, name, page)
			checkSlack(t, name, slackPost(contentOf(m)))
			checkMail(t, name, m)
			if _, err := json.Marshal(eventOf(m)); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	})
}

func checkLine(t *testing.T, name, line string) {
	t.Helper()
	if !utf8.ValidString(line) {
		t.Fatalf("%s: %q is no UTF-8", name, line)
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return !unicode.IsGraphic(r) }); i >= 0 {
		t.Fatalf("%s: %q is not printable at byte %d", name, line, i)
	}
}

// pageElements and pageAttributes are all that our own page has.
var (
	pageElements = []string{"html", "head", "meta", "title", "body", "h1", "p", "table", "tbody", "tr", "th", "td", "ul", "li", "strong", "pre", "a"}
	pageAttrs    = []string{"lang", "charset", "name", "content", "style", "scope", "href"}
)

func checkPage(t *testing.T, name, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			if !slices.Contains(pageElements, n.Data) {
				t.Fatalf("%s: the page has an element <%s>", name, n.Data)
			}
			for _, a := range n.Attr {
				if !slices.Contains(pageAttrs, a.Key) {
					t.Fatalf("%s: <%s> has an attribute %s=%q", name, n.Data, a.Key, a.Val)
				}
				if a.Key == "href" && !strings.HasPrefix(a.Val, "https://portvigil.example.org/") {
					t.Fatalf("%s: the page leads to %q", name, a.Val)
				}
			}
		case html.CommentNode:
			t.Fatalf("%s: the page has a comment %q", name, n.Data)
		}
	}
}

func checkSlack(t *testing.T, name string, post slackMessage) {
	t.Helper()
	if len(post.Blocks) > 50 || len(post.Text) > slackFallback || post.Text == "" {
		t.Fatalf("%s: %d blocks, fallback of %d bytes", name, len(post.Blocks), len(post.Text))
	}
	for _, b := range post.Blocks {
		texts, limit := b.Fields, slackField
		if b.Text != nil {
			texts, limit = append(slices.Clone(texts), b.Text), slackText
		}
		if b.Type == "header" {
			limit = slackHeader
		}
		if len(b.Fields) > slackFields {
			t.Fatalf("%s: %d fields", name, len(b.Fields))
		}
		for _, s := range texts {
			if len(s.Text) > limit || s.Text == "" {
				t.Fatalf("%s: a %s of %d bytes in a %s", name, s.Type, len(s.Text), b.Type)
			}
			bare := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(s.Text)
			if strings.ContainsAny(bare, "<>&") {
				t.Fatalf("%s: %q is not escaped", name, s.Text)
			}
			for line := range strings.SplitSeq(s.Text, "\n") {
				checkLine(t, name, line)
			}
		}
	}
}

func checkMail(t *testing.T, name string, m Message) {
	t.Helper()
	from, to, err := parseAddresses("portvigil@example.org", []string{"ann@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := (&email{from: from, to: to}).compose(m)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	header, text, _, err := readMail(raw)
	if err != nil {
		t.Fatalf("%s: %v in\n%s", name, err, raw)
	}
	var keys []string
	for key, values := range header {
		keys = append(keys, key)
		if len(values) != 1 {
			t.Fatalf("%s: header %s stands %d times", name, key, len(values))
		}
	}
	slices.Sort(keys)
	want := []string{"Auto-Submitted", "Content-Type", "Date", "From", "In-Reply-To", "Message-Id", "Mime-Version", "References",
		"Subject", "To", "User-Agent", "X-Auto-Response-Suppress", "X-Portvigil-Event"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Fatalf("%s: headers (-want +got):\n%s", name, diff)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
	if want := strings.ReplaceAll(Subject(m), "=?", "= ?"); err != nil || subject != want {
		t.Fatalf("%s: subject %q, %v; want %q", name, subject, err, want)
	}
	if text != Text(m) {
		t.Fatalf("%s: text (-want +got):\n%s", name, cmp.Diff(Text(m), text))
	}
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > 998 {
			t.Fatalf("%s: a line of %d bytes", name, len(line))
		}
	}
}
