package web

import (
	"net/http"
	"strings"

	"github.com/portvigil/portvigil"
)

// audience is who a page is for. The zero value is for those whom the pages know.
type audience int

const (
	members   audience = iota // who has a session
	everybody                 // nothing of it is secret
	machines                  // brings a token of its own, which the handler asks for
)

// pageRoute is what answers one method and path of the pages, and for whom.
type pageRoute struct {
	audience audience
	serve    http.HandlerFunc
}

// routes is every page, and every form that stands on one.
func (p *pages) routes() map[string]pageRoute {
	return map[string]pageRoute{
		"GET /enter":     {everybody, p.enter},
		"GET /sign-in":   {everybody, p.askWho},
		"POST /sign-in":  {everybody, p.signIn},
		"POST /sign-out": {everybody, p.signOut},

		"GET /sign-in/code":  {everybody, p.askCode},
		"POST /sign-in/code": {everybody, p.takeCode},

		"GET /style.css": {everybody, p.file},
		"GET /app.js":    {everybody, p.file},
		"GET /mark.svg":  {everybody, p.file},
		"GET /metrics":   {machines, p.metrics},

		"GET /{$}":    {members, p.overview},
		"GET /events": {members, p.events},

		"GET /account":                  {members, p.account},
		"POST /account/password":        {members, p.ofAccount(p.changePassword)},
		"POST /account/factor":          {members, p.ofAccount(p.beginFactor)},
		"POST /account/factor/confirm":  {members, p.ofAccount(p.confirmFactor)},
		"POST /account/factor/recovery": {members, p.ofAccount(p.renewRecovery)},
		"POST /account/factor/off":      {members, p.ofAccount(p.endFactor)},
		"POST /account/sessions/end":    {members, p.ofAccount(p.endSessions)},

		"GET /channels":                {members, p.channels},
		"POST /channels":               {members, p.addChannel},
		"GET /channels/add":            {members, p.newChannel},
		"POST /channels/{name}/test":   {members, p.tryChannel},
		"POST /channels/{name}/remove": {members, p.removeChannel},

		"GET /users":                  {members, p.users},
		"POST /users":                 {members, p.addUser},
		"POST /users/{name}/password": {members, p.resetUser},
		"POST /users/{name}/factor":   {members, p.resetFactor},
		"POST /users/{name}/remove":   {members, p.removeUser},
		"GET /tokens":                 {members, p.tokens},
		"POST /tokens":                {members, p.addToken},
		"POST /tokens/{name}/revoke":  {members, p.revokeToken},

		"GET /settings": {members, p.settings},
		"GET /audit":    {members, p.audit},
		"GET /about":    {members, p.about},

		"GET /unsent/{name}": {members, p.showUnsent},

		"GET /alerts":                   {members, p.alerts},
		"POST /alerts":                  {members, p.decideMany},
		"GET /alerts/{id}":              {members, p.alert},
		"POST /alerts/{id}/ack":         {members, p.acknowledge},
		"POST /alerts/{id}/investigate": {members, p.investigate},
		"POST /alerts/{id}/comment":     {members, p.comment},
		"POST /alerts/{id}/resolve":     {members, p.resolve},
		"POST /alerts/{id}/approve":     {members, p.approveDoors},
		"POST /alerts/{id}/remove":      {members, p.removeDoor},
		"POST /alerts/{id}/look":        {members, p.lookAgain},
		"POST /alerts/{id}/test":        {members, p.testChannel},

		"GET /start":  {members, p.start},
		"POST /start": {members, p.addFirst},

		"GET /hosts":                          {members, p.hosts},
		"POST /hosts":                         {members, p.addHost},
		"POST /hosts/import":                  {members, p.importHosts},
		"GET /hosts/{name}":                   {members, p.host},
		"GET /hosts/{name}/explain":           {members, p.explain},
		"POST /hosts/{name}/explain":          {members, p.explainDoors},
		"GET /hosts/{name}/history":           {members, p.history},
		"GET /hosts/{name}/past":              {members, p.past},
		"POST /hosts/{name}/look":             {members, p.lookNow},
		"POST /hosts/{name}/allow":            {members, p.allowAddress},
		"POST /hosts/{name}/maintenance":      {members, p.startMaintenance},
		"POST /hosts/{name}/maintenance/over": {members, p.endMaintenance},
		"POST /hosts/{name}/edit":             {members, p.editHost},
		"POST /hosts/{name}/remove":           {members, p.removeHost},
		"POST /hosts/{name}/report":           {members, p.takeReport},

		"GET /scope":  {members, p.scope},
		"POST /scope": {members, p.setScope},

		"GET /baseline":                 {members, p.baselines},
		"GET /baseline/{name}":          {members, p.baseline},
		"GET /baseline/{name}/entry":    {members, p.entry},
		"POST /baseline/{name}/entry":   {members, p.editEntry},
		"GET /baseline/{name}/remove":   {members, p.removal},
		"POST /baseline/{name}/remove":  {members, p.removeEntry},
		"GET /baseline/{name}/text":     {members, p.text},
		"POST /baseline/{name}/text":    {members, p.editText},
		"GET /baseline/{name}/versions": {members, p.versions},
		"GET /baseline/{name}/restore":  {members, p.restoration},
		"POST /baseline/{name}/restore": {members, p.restoreVersion},

		"GET /review":         {members, p.review},
		"GET /review/{id}":    {members, p.pastReview},
		"POST /review/decide": {members, p.decideReview},
		"POST /review/keep":   {members, p.keepAll},
		"POST /review/sign":   {members, p.signReview},

		"GET /docs/api": {members, p.apiDocs},

		"GET /": {members, p.noPage},
	}
}

// shows wraps a page for those it is for; whoever else asks may sign in first.
func (p *pages) shows(route pageRoute) http.HandlerFunc {
	if route.audience == members {
		return p.signedIn(route.serve)
	}
	return route.serve
}

func (p *pages) noPage(w http.ResponseWriter, r *http.Request) {
	p.fail(w, r, portvigil.Errorf(portvigil.CodeNotFound, "there is no page at %s", shown(r.URL.Path)))
}

// file serves what every page needs. It is part of the published source, and the
// page that refuses needs it, too.
func (p *pages) file(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, files, "pages"+r.URL.Path)
}

// isForm reports whether a request would change something.
func isForm(r *http.Request) bool { return r.Method == http.MethodPost }

// sectionOf is the part of the pages that a path belongs to: the first word.
func sectionOf(path string) string {
	section, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return section
}
