package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/portvigil/portvigil"
)

// asking is one request to the API, what the engine then is asked, and the keys
// of the JSON object, or of the list's first element, that it answers with.
type asking struct {
	name               string
	method, path, body string
	asked              string
	keys               string
}

const (
	hostKeys     = "added id inside name outside targets"
	statusKeys   = "alerts exposures host views"
	alertKeys    = "cause changed endpoints family host id kind link opened port process proto reopened resolution service severity state subject text views"
	scopeKeys    = "added by deny prefix"
	baselineKeys = "by kind name text time version why"
	channelKeys  = "added id kind name settings"
)

var askings = []asking{
	{"hosts are listed", "GET", "/v1/hosts", "", "hosts", statusKeys},
	{"a host is added, and never as the server's own machine", "POST", "/v1/hosts", `{"name":"web1","targets":["10.0.0.1"],"local":true}`,
		"add host web1 [10.0.0.1] local=false by ann", hostKeys},
	{"a host is shown", "GET", "/v1/hosts/web1", "", `host "web1"`, statusKeys},
	{"a host is removed", "DELETE", "/v1/hosts/web1", "", `remove host "web1" by ann`, ""},
	{"a host is in maintenance until a time", "POST", "/v1/hosts/web1/maintenance", `{"until":"2026-11-24T00:00:00Z","why":"new disks"}`,
		`maintenance of "web1" until 2026-11-24T00:00:00Z why=new disks by ann`, hostKeys},
	{"maintenance ends", "DELETE", "/v1/hosts/web1/maintenance", "", `end maintenance of "web1" by ann`, hostKeys},
	{"a report is taken as it comes", "POST", "/v1/hosts/web1/report", "{\"type\":\"look\"}\n", "report of \"web1\": {\"type\":\"look\"}\n",
		"address complete default_state ended host id loss method miss_probability notes probes proto run started time type view closed filtered open"},
	{"the scope is listed", "GET", "/v1/scope", "", "scope", ""},
	{"a network is allowed", "POST", "/v1/scope", `{"prefix":"10.0.0.0/8"}`, "scope 10.0.0.0/8 deny=false by ann", scopeKeys},
	{"one address is denied", "POST", "/v1/scope", `{"prefix":"::ffff:10.0.0.1","deny":true}`, "scope 10.0.0.1/32 deny=true by ann", scopeKeys},
	{"all alerts are listed", "GET", "/v1/alerts", "", "alerts open=false", alertKeys},
	{"open alerts are listed", "GET", "/v1/alerts?open=1", "", "alerts open=true", alertKeys},
	{"an alert has its story", "GET", "/v1/alerts/A1", "", `alert "A1"`, "alert story"},
	{"an alert is acknowledged", "POST", "/v1/alerts/A1/ack", `{}`, `ack "A1" until <nil> by ann`, alertKeys},
	{"an alert is acknowledged until a time", "POST", "/v1/alerts/A1/ack", `{"until":"2026-11-24T00:00:00Z"}`,
		`ack "A1" until 2026-11-24 00:00:00 +0000 UTC by ann`, alertKeys},
	{"an alert is investigated", "POST", "/v1/alerts/A1/investigate", `{}`, `investigate "A1" by ann`, alertKeys},
	{"a comment is trimmed", "POST", "/v1/alerts/A1/comment", `{"text":" asked bob\n"}`, `comment "A1" "asked bob" by ann`, alertKeys},
	{"an alert is resolved", "POST", "/v1/alerts/A1/resolve", `{"kind":"expected","why":"shop","owner":"ann"}`,
		`resolve "A1" expected why=shop owner=ann by ann`, alertKeys},
	{"baselines are listed", "GET", "/v1/baselines", "", "baselines", ""},
	{"baselines are imported", "POST", "/v1/baselines", `[{"kind":"host","name":"web1","text":"version: 1"}]`, "import 1 by ann", baselineKeys},
	{"a baseline is shown", "GET", "/v1/baselines/web1", "", `baseline "web1"`, baselineKeys},
	{"a baseline's versions are listed", "GET", "/v1/baselines/web1/versions", "", `versions "web1"`, ""},
	{"doors are approved", "POST", "/v1/baselines/web1/approve", `{"doors":["80/tcp"],"why":"shop","owner":"ann"}`,
		`approve "web1" [80/tcp] why=shop owner=ann by ann`, baselineKeys},
	{"a door is taken out", "DELETE", "/v1/baselines/web1/80/tcp", "", `remove door "80/tcp" of "web1" by ann`, baselineKeys},
	{"channels are listed", "GET", "/v1/channels", "", "channels", channelKeys},
	{"a channel's secret goes in and never comes out", "POST", "/v1/channels", `{"name":"ops","kind":"slack","settings":{"a":1},"secret":"S"}`,
		`add channel ops slack settings={"a":1} secret=S by ann`, channelKeys},
	{"a channel is removed", "DELETE", "/v1/channels/ops", "", `remove channel "ops" by ann`, ""},
	{"a channel is tested", "POST", "/v1/channels/ops/test", "", `test channel "ops" by ann`, ""},
	{"users are listed", "GET", "/v1/users", "", "", ""},
	{"a user is added, and nothing of the password comes out", "POST", "/v1/users", `{"name":"ann","password":"correct horse battery"}`, "",
		"added by id name password_changed version"},
	{"tokens are listed", "GET", "/v1/tokens", "", "", ""},
	{"a token is made, and told once", "POST", "/v1/tokens", `{"name":"cron","scope":"read"}`, "", "added by id name scope token"},
	{"a link is made", "POST", "/v1/link", "{}", "", "link"},
}

func TestAPIAnswersEveryRoute(t *testing.T) {
	t.Parallel()
	for _, c := range askings {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &fakeEngine{hosts: make([]portvigil.HostStatus, 1), alerts: []portvigil.Alert{sampleAlert()}, alert: sampleAlert(),
				channels: []portvigil.ChannelRow{{Name: "ops", Settings: json.RawMessage(`{}`), Secret: []byte("S")}}}
			w := ask(t, e, c.method, c.path, c.body)
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
				t.Fatalf("answered %d %s: %s", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			var want []string
			if c.asked != "" {
				want = []string{c.asked}
			}
			if diff := cmp.Diff(want, e.asked()); diff != "" {
				t.Errorf("the engine was asked (-want +got)\n%s", diff)
			}
			if strings.Contains(strings.ToLower(w.Body.String()), "secret") {
				t.Errorf("the answer tells of the secret: %s", w.Body)
			}
			wantKeys := strings.Fields(c.keys)
			slices.Sort(wantKeys)
			if diff := cmp.Diff(wantKeys, keysOf(t, w.Body.Bytes()), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("keys (-want +got)\n%s", diff)
			}
		})
	}
}

// keysOf returns the sorted keys of an object, or of a list's first element;
// null is an error, since a list without elements is [].
func keysOf(t *testing.T, text []byte) []string {
	t.Helper()
	var object map[string]any
	var list []map[string]any
	switch {
	case string(text) == "null\n":
		t.Error("the answer is null")
	case json.Unmarshal(text, &object) == nil:
	case json.Unmarshal(text, &list) != nil:
		t.Errorf("the answer is neither an object nor a list of them: %s", text)
	case len(list) > 0:
		object = list[0]
	}
	return slices.Sorted(maps.Keys(object))
}

func TestAPIListsAreNeverNull(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/hosts", "/v1/scope", "/v1/alerts", "/v1/baselines", "/v1/channels", "/v1/users", "/v1/tokens"} {
		if got := ask(t, &fakeEngine{}, "GET", path, "").Body.String(); got != "[]\n" {
			t.Errorf("GET %s of nothing answers %q", path, got)
		}
	}
	if got := ask(t, &fakeEngine{}, "POST", "/v1/baselines", "[]").Body.String(); got != "[]\n" {
		t.Errorf("importing nothing answers %q", got)
	}
	if got := ask(t, &fakeEngine{}, "GET", "/v1/alerts/A1", "").Body.String(); !strings.Contains(got, `"story":[]`) {
		t.Errorf("an alert without a story answers %q", got)
	}
}

func TestAPITakesNamesAsTheyAreEncoded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, asked string }{
		{"a slash belongs to the name", "/v1/hosts/a%2Fb", `host "a/b"`},
		{"so does a percent sign", "/v1/hosts/a%252Fb", `host "a%2Fb"`},
		{"and a space, a plus and a question mark", "/v1/hosts/a%20b+c%3Fd", `host "a b+c?d"`},
		{"and two dots, when they are encoded", "/v1/hosts/%2E%2E%2Fscope", `host "../scope"`},
		{"and bytes that are no UTF-8", "/v1/hosts/%ff%00", `host "\xff\x00"`},
		{"and letters of any script", "/v1/hosts/b%C3%BCro", `host "büro"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := &fakeEngine{}
			w := ask(t, e, "GET", c.path, "")
			if diff := cmp.Diff([]string{c.asked}, e.asked()); diff != "" {
				t.Errorf("answered %d; the engine was asked (-want +got)\n%s", w.Code, diff)
			}
		})
	}
}

func TestAPIAnswersNobodyWithoutAName(t *testing.T) {
	t.Parallel()
	e := &fakeEngine{}
	log, _ := logged()
	w := newRequest(t, API(e, newAccounts(), nil, log), "DELETE", "/v1/hosts/web1", "")
	if w.Code != http.StatusUnauthorized || len(e.asked()) > 0 {
		t.Errorf("answered %d, and the engine was asked %q", w.Code, e.asked())
	}
}
