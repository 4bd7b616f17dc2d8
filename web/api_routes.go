package web

import (
	"reflect"

	"github.com/portvigil/portvigil"
)

// route is what answers one method and path, what who asks needs for it, and
// what programs and people are told of it. The OpenAPI document has all of them:
// it is made of this table (describe.go).
type route struct {
	pattern string
	scope   portvigil.TokenScope
	endpoint
	about
}

// about is what the document says of a route beside its types.
type about struct {
	id      string // the operation's, of which generators make a function
	summary string // a few words
	text    string // whole sentences
	query   []parameter
	// request describes the body where not every field of its type is taken.
	request request
	example any // of the request's body
}

// parameter is one of the address, behind the question mark.
type parameter struct {
	name, text string
	of         reflect.Type
	required   bool
}

// request says of a body's fields which are needed and which may be given; of
// those that are in neither list nothing is taken. The zero value takes all, and
// needs none.
type request struct {
	name         string // of the schema, where it differs from the type's
	needs, takes []string
}

// routes is the whole API.
func (a *api) routes() []route {
	const read, write, admin = portvigil.ReadScope, portvigil.WriteScope, portvigil.AdminScope
	return []route{
		{"GET /v1/hosts", read, answering(a, a.hosts), about{id: "listHosts", summary: "List hosts",
			text: "Every host that is watched: its doors with their verdicts, how far each view can be trusted, and its open alerts."}},
		{"POST /v1/hosts", write, taking(a, a.addHost), about{id: "addHost", summary: "Add a host",
			text:    "Its addresses are in scope from now on, unless they are denied, and a first look begins at once. DNS names are resolved anew for each look.",
			request: request{"NewHost", []string{"name", "targets"}, []string{"groups", "outside", "inside"}},
			example: map[string]any{"name": "web1", "targets": []string{"10.99.0.2"}, "groups": []string{"shop"}}}},
		{"GET /v1/hosts/{name}", read, answering(a, a.host), about{id: "getHost", summary: "Show a host",
			text: "All that is known of one host: its doors with their verdicts, how far each view can be trusted, and its open alerts."}},
		{"DELETE /v1/hosts/{name}", write, answering(a, a.removeHost), about{id: "removeHost", summary: "Remove a host",
			text: "It is no longer looked at, and its looks and its history are gone. Its alerts stay; those that were open are resolved as cleared."}},
		{"GET /v1/hosts/{name}/past", read, answering(a, a.past), about{id: "getHostPast", summary: "Show what was reachable at a moment",
			text:  "What was open on the host then, as its views saw it. Where no view looked, the answer says that it is not known.",
			query: []parameter{{"at", "The moment, as RFC 3339.", timeType, true}}}},
		{"POST /v1/hosts/{name}/look", write, endpoint{serve: a.look, takes: bodyOf[portvigil.LookWish](),
			gives: body{lines: []reflect.Type{reflect.TypeFor[portvigil.LookEvent]()}}},
			about{id: "lookAtHost", summary: "Look at a host now",
				text: "One look, whose progress and records come as JSON Lines while it runs, one event a line; the last has done. " +
					"A failure after the first line is told in that line's error, as the status has been sent by then. Whoever hangs up does not stop the look.",
				request: request{takes: []string{"view", "ports"}}, example: portvigil.LookWish{View: portvigil.Outside, Ports: "22,80,8000-8100"}}},
		{"POST /v1/hosts/{name}/report", write, endpoint{serve: answering(a, a.report).serve, gives: bodyOf[portvigil.LookRecord](),
			takes: body{lines: []reflect.Type{reflect.TypeFor[portvigil.ListenerRecord](), reflect.TypeFor[portvigil.LookRecord]()}}},
			about{id: "reportOfHost", summary: "Report a look from inside",
				text: "Takes what portvigil check --json prints on the host, as JSON Lines: its listeners, and the look as the last. " +
					"Records of other types are passed over. A look counts once, however often it is sent. The answer is the look as it was taken."}},
		{"POST /v1/hosts/{name}/maintenance", write, taking(a, a.startMaintenance), about{id: "startMaintenance", summary: "Begin maintenance of a host",
			text:    "Nothing is told of the host until then. Looks go on and alerts are raised; what people would not know of is told when it ends.",
			request: request{needs: []string{"until", "why"}}, example: map[string]string{"until": "2026-05-03T14:00:00Z", "why": "new disks"}}},
		{"DELETE /v1/hosts/{name}/maintenance", write, answering(a, a.endMaintenance), about{id: "endMaintenance", summary: "End maintenance of a host",
			text: "Tells now what was kept back."}},
		{"GET /v1/overview", read, answering(a, a.overview), about{id: "getOverview", summary: "Sum hosts up",
			text: "Of every host that is watched: how many doors it has by verdict and how many open alerts by severity, and how far each view can be trusted. " +
				"Where there are many hosts, this is a small part of what the list of hosts is, and comes at once."}},

		{"GET /v1/scope", read, answering(a, a.scope), about{id: "listScope", summary: "List what may be scanned",
			text: "The rules that were given. Beside them the addresses of the hosts are in scope; what is denied never is."}},
		{"POST /v1/scope", write, taking(a, a.addScope), about{id: "addScope", summary: "Allow or deny a network",
			text: "Deny wins over allow.", request: request{needs: []string{"prefix"}, takes: []string{"deny"}},
			example: NewScopeRule{Prefix: "10.99.0.0/16"}}},

		{"GET /v1/alerts", read, answering(a, a.alerts), about{id: "listAlerts", summary: "List alerts",
			text:  "Open ones and those that were resolved.",
			query: []parameter{{"open", "Whether to list open ones only.", reflect.TypeFor[bool](), false}}}},
		{"GET /v1/alerts/{id}", read, answering(a, a.alert), about{id: "getAlert", summary: "Show an alert",
			text: "The alert, and its story: who did what to it, and what was seen meanwhile."}},
		{"POST /v1/alerts/{id}/ack", write, taking(a, a.acknowledge), about{id: "acknowledgeAlert", summary: "Acknowledge an alert",
			text:    "Somebody has seen it. It stays open, and becomes new again at a time, or else when it rises.",
			request: request{takes: []string{"until"}}, example: map[string]string{"until": "2026-05-04T08:00:00Z"}}},
		{"POST /v1/alerts/{id}/investigate", write, answering(a, a.investigate), about{id: "investigateAlert", summary: "Investigate an alert",
			text: "Somebody works on it. It has to be acknowledged first."}},
		{"POST /v1/alerts/{id}/comment", write, taking(a, a.comment), about{id: "commentOnAlert", summary: "Comment on an alert",
			text:    "Goes into its story.",
			request: request{needs: []string{"text"}}, example: Comment{"asked bob"}}},
		{"POST /v1/alerts/{id}/resolve", write, taking(a, a.resolve), about{id: "resolveAlert", summary: "Resolve an alert",
			text: "As expected (needs why and owner): its doors go into the baseline, with expires until that day. As shut: it waits until looks see the doors shut. " +
				"As false (needs why): what was seen is wrong. As accepted (needs why, owner and until): it stays open to everybody until that day, and nobody is told. " +
				"Dates are written as 2027-06-30. Cleared is how an alert ends by itself, and cannot be asked for.",
			request: request{needs: []string{"kind"}, takes: []string{"why", "owner", "expires", "until"}},
			example: portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "metrics of the shop", Owner: "ann"}}},

		{"GET /v1/baselines", read, answering(a, a.baselines), about{id: "listBaselines", summary: "List baselines",
			text: "The newest version of the document of each host and group."}},
		{"POST /v1/baselines", write, taking(a, a.importBaseline), about{id: "importBaselines", summary: "Write baselines",
			text: "Each document becomes the newest version of its host's or group's, all of them or none. With version the one that it was edited from is named, " +
				"and the edit is refused with 409 where somebody else was faster.",
			request: request{"NewBaselineVersion", []string{"kind", "name", "text"}, []string{"version"}},
			example: []map[string]any{{"kind": "host", "name": "db1", "version": 3, "text": "version: 1\nhost: db1\nentries:\n  - port: 5432\n    proto: tcp\n    why: the shop's database\n    owner: ann\n"}}}},
		{"GET /v1/baselines/{name}", read, answering(a, a.baseline), about{id: "getBaseline", summary: "Show a host's baseline",
			text: "The newest version of its document; version 0 with an empty text where none was written yet."}},
		{"GET /v1/baselines/{name}/versions", read, answering(a, a.baselineVersions), about{id: "listBaselineVersions", summary: "List the versions of a baseline",
			text: "Of a host, or of a group where no host has that name; the oldest first."}},
		{"POST /v1/baselines/{name}/approve", write, taking(a, a.approve), about{id: "approveDoors", summary: "Approve doors",
			text: "Writes doors into the host's baseline, by PORT/PROTO or every open one that no entry covers. Alerts about them are resolved as expected. " +
				"Where the baseline follows a folder nothing is written, and edit says what to change there.",
			request: request{needs: []string{"why", "owner"}, takes: []string{"doors", "all", "expires"}},
			example: portvigil.ApproveRequest{Doors: []string{"9100/tcp"}, Why: "metrics of the shop", Owner: "ann"}}},
		{"DELETE /v1/baselines/{name}/{port}/{proto}", write, answering(a, a.removeDoor), about{id: "removeDoor", summary: "Take a door out of a baseline",
			text: "Removes the entry of one port of the host's document."}},

		{"GET /v1/review", read, answering(a, a.review), about{id: "getReview", summary: "Show what there is to review",
			text: "Every entry that is new since the last review, unexplained, without an owner, expired or soon to expire, or that nothing was open behind for a month, " +
				"with what was decided about it in the review that is open, and what somebody changed beside that."}},
		{"POST /v1/review", write, taking(a, a.decideReview), about{id: "decideReview", summary: "Decide about an entry",
			text: "Keep (fills in why, owner and expires where they are given, a date or never), close (removes the entry) or change (notes that it was edited). " +
				"It is about entry number index of that version, and refused with 409 where that is not the newest any more. The first decision begins a review. " +
				"Where the baseline follows a folder and the decision needs an edit, nothing is decided, and edit says what to change there.",
			request: request{needs: []string{"kind", "name", "version", "index", "verdict"}, takes: []string{"why", "owner", "expires"}},
			example: portvigil.ReviewRequest{Kind: "host", Name: "db1", Version: 3, Verdict: portvigil.ReviewKeep, Why: "the shop's database", Owner: "ann"}}},
		{"POST /v1/review/sign", write, taking(a, a.signReview), about{id: "signReview", summary: "Sign the review",
			text:    "Ends it. Where entries are undecided it is refused with 409, unless leave says to have them in the next review again.",
			request: request{needs: []string{"name"}, takes: []string{"remark", "leave"}}, example: portvigil.ReviewSignature{Name: "Ann Example", Remark: "all well"}}},
		{"GET /v1/reviews", read, answering(a, a.reviews), about{id: "listReviews", summary: "List the reviews that were signed",
			text: "The newest first: who signed when, which version of each document, and what was decided."}},

		{"GET /v1/channels", read, answering(a, a.channels), about{id: "listChannels", summary: "List channels",
			text: "Where alerts are told, and how each channel fares. Secrets never leave the server."}},
		{"POST /v1/channels", write, taking(a, a.addChannel), about{id: "addChannel", summary: "Add a channel",
			text: "The settings of email are to (a list), from and smtp (smtp://[USER@]HOST:PORT); those of slack and webhook are empty, as their address is a secret. " +
				"The secret is JSON in a string, with url (of slack and webhook) and secret (the SMTP password, or the webhook's signing key, whsec_…).",
			request: request{needs: []string{"name", "kind", "settings"}, takes: []string{"secret"}},
			example: NewChannel{"ops", "email", []byte(`{"to":["ops@example.com"],"from":"portvigil@example.com","smtp":"smtp://mail.example.com:25"}`), `{}`}}},
		{"DELETE /v1/channels/{name}", write, answering(a, a.removeChannel), about{id: "removeChannel", summary: "Remove a channel",
			text: "Nothing is told there any more."}},
		{"POST /v1/channels/{name}/test", write, answering(a, a.testChannel), about{id: "testChannel", summary: "Test a channel",
			text: "Sends a message at once, and tells how it went."}},

		{"GET /v1/users", admin, answering(a, a.users), about{id: "listUsers", summary: "List users",
			text: "The people who sign in on the pages."}},
		{"POST /v1/users", admin, taking(a, a.addUser), about{id: "addUser", summary: "Add a user",
			text: "Somebody who may sign in on the pages.", request: request{needs: []string{"name", "password"}},
			example: NewUser{"ann", "correct horse battery staple"}}},
		{"DELETE /v1/users/{name}", admin, answering(a, a.removeUser), about{id: "removeUser", summary: "Remove a user",
			text: "Their sessions are over."}},
		{"POST /v1/users/{name}/reset", admin, taking(a, a.resetUser), about{id: "resetPassword", summary: "Set a user's password",
			text: "Sessions that began with the old one are over.", request: request{"NewPassword", []string{"password"}, nil},
			example: NewUser{Password: "correct horse battery staple"}}},

		{"DELETE /v1/users/{name}/factor", admin, answering(a, a.resetFactor), about{id: "resetFactor", summary: "Turn off a user's second factor",
			text: "For somebody who has lost both the phone and the recovery codes: the password alone signs them in again."}},

		{"GET /v1/tokens", admin, answering(a, a.tokens), about{id: "listTokens", summary: "List tokens",
			text: "Without their secrets, of which only hashes are kept."}},
		{"POST /v1/tokens", admin, taking(a, a.addToken), about{id: "addToken", summary: "Make a token",
			text: "The answer has the secret, which is told this once.", request: request{needs: []string{"name", "scope"}, takes: []string{"expires"}},
			example: map[string]string{"name": "desk", "scope": "read", "expires": "2027-06-30T00:00:00Z"}}},
		{"DELETE /v1/tokens/{name}", admin, answering(a, a.revokeToken), about{id: "revokeToken", summary: "Revoke a token",
			text: "It opens nothing from now on."}},

		{"POST /v1/link", admin, answering(a, a.link), about{id: "makeLink", summary: "Make a link to the pages",
			text: "It signs one browser in, once, within a day."}},
		{"GET /v1/openapi.json", read, endpoint{serve: a.document, gives: bodyOf[map[string]any]()}, about{id: "getOpenAPI", summary: "Describe the API",
			text: "This document."}},
	}
}
