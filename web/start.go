package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/portvigil/portvigil"
)

const startPath = "/start"

// startPage is the first steps. Nothing of it is stored: each step is done when what
// it leads to is there, so it can be left and taken up again.
type startPage struct {
	Steps   []startStep
	Done    int
	Name    string // in the field of who has none yet
	Local   string // the name of the server's own machine as a host; "" for none
	Explain explainPage
	Others  []string // hosts that are watched beside it, some of them
	Count   int      // how many
	Add     addForm
	Needs   []portvigil.Alert // what came up since there is a baseline
	Form    form
}

// maxMeanwhile bounds the alerts above the steps: the overview has them all.
const maxMeanwhile = 3

// startStep is one of them.
type startStep struct {
	Number   int
	Name     string // which template shows it
	Title    string
	Done     bool
	Optional bool
	Open     bool   // it is the next one
	Says     string // how far it is
}

func (p *pages) start(w http.ResponseWriter, r *http.Request) {
	p.showStart(w, r, http.StatusOK, form{})
}

// showStart shows the steps with a form of theirs that could not be done.
func (p *pages) showStart(w http.ResponseWriter, r *http.Request, status int, f form) {
	s, err := p.firstSteps(r, f)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.show(w, r, status, "start.html", page{"First steps", s})
}

func (p *pages) firstSteps(r *http.Request, f form) (startPage, error) {
	s := startPage{Form: f, Add: addForm{Form: f, Next: startPath}, Name: p.around.Operator}
	if f.Failed("you") {
		s.Name = f.Typed("you", "name")
	}
	users, err := p.doorkeeper.accounts.Users(r.Context())
	if err != nil {
		return s, err
	}
	hosts, err := p.engine.Overview(r.Context())
	if err != nil {
		return s, err
	}
	channels, err := p.engine.Channels(r.Context())
	if err != nil {
		return s, err
	}
	doors, err := p.ownDoors(r, hosts, &s, f)
	if err != nil {
		return s, err
	}
	if doors.Done { // before, the step itself asks for all that is open
		s.Needs, _, err = p.engine.AlertsWhere(r.Context(), portvigil.AlertFilter{States: portvigil.OpenStates(), Order: portvigil.BySeverity, Limit: maxMeanwhile})
		if err != nil {
			return s, err
		}
	}
	s.Steps = []startStep{
		{Name: "you", Title: "Choose a name and a password", Done: len(users) > 0, Says: "so that you come in without a link"},
		doors,
		outsideStep(hosts, s.Local),
		{Name: "hosts", Title: "Add your other servers", Done: s.Count > 0, Says: plural(s.Count, "other host") + " watched"},
		channelStep(channels),
	}
	s.number(r.URL.Query().Get("step"))
	return s, nil
}

// number counts the steps, and opens the one whose form was sent or that was asked
// for, else the first that is to be done.
func (s *startPage) number(wanted string) {
	switch s.Form.Name {
	case "you":
		wanted = "you"
	case "add":
		wanted = "hosts"
	case "explain":
		wanted = "doors"
	}
	next := -1
	for i := range s.Steps {
		step := &s.Steps[i]
		step.Number = i + 1
		if step.Done {
			s.Done++
		}
		if next < 0 && !step.Done && !step.Optional {
			next = i
		}
	}
	if at := slices.IndexFunc(s.Steps, func(step startStep) bool { return step.Name == wanted }); at >= 0 {
		next = at
	}
	if next >= 0 {
		s.Steps[next].Open = true
	}
}

// addFirst makes the first user, and the session theirs.
func (p *pages) addFirst(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "you", func() (done, error) {
		name := r.PostForm.Get("name")
		if err := portvigil.CheckUserName(name); err != nil {
			return done{}, onField("name", err)
		}
		password, err := passwordFor(name, r.PostForm)
		if err != nil {
			return done{}, err
		}
		user, err := p.doorkeeper.accounts.AddFirstUser(r.Context(), name, password)
		return done{instead: func() {
			p.doorkeeper.open(w, r, user)
			http.Redirect(w, r, startPath, http.StatusSeeOther)
		}}, err
	}, func(status int, f form) { p.showStart(w, r, status, f) })
}

// ownHost is the server's own machine, or the first host where that is not watched;
// nil for none.
func ownHost(hosts []portvigil.HostSummary) *portvigil.HostSummary {
	if len(hosts) == 0 {
		return nil
	}
	return &hosts[max(0, slices.IndexFunc(hosts, func(h portvigil.HostSummary) bool { return h.Host.Local }))]
}

// stepDue is what the first steps ask for that no server can do without; "" where
// that is done. It goes by little: every overview asks for it.
func (p *pages) stepDue(r *http.Request, hosts []portvigil.HostSummary) (string, error) {
	if userOf(r) == "" { // came by a link, and perhaps nobody has a name yet
		users, err := p.doorkeeper.accounts.Users(r.Context())
		if err != nil {
			return "", err
		}
		if len(users) == 0 {
			return "choose a name and a password, so that you come in without a link", nil
		}
	}
	if own := ownHost(hosts); own != nil && !begunWith(own) {
		return "say what is open on " + shown(own.Host.Name) + ", and why", nil
	}
	return "", nil
}

// begunWith reports whether the host has a baseline, or was looked at and has
// nothing open that asks for one.
func begunWith(h *portvigil.HostSummary) bool {
	for _, known := range []portvigil.Verdict{portvigil.Expected, portvigil.Changed, portvigil.Missing, portvigil.Unverified} {
		if h.Doors[known] > 0 {
			return true
		}
	}
	looked := slices.ContainsFunc(h.Views, func(v portvigil.ViewStatus) bool { return !v.Complete.IsZero() })
	return looked && h.Doors[portvigil.UnexpectedListening]+h.Doors[portvigil.UnexpectedExposed] == 0
}

// ownDoors is the step about the server's own machine, or the first host where
// that is not watched.
func (p *pages) ownDoors(r *http.Request, hosts []portvigil.HostSummary, s *startPage, f form) (startStep, error) {
	step := startStep{Name: "doors", Title: "Say what is open here, and why", Says: "no host is watched yet"}
	for _, h := range hosts {
		if h.Host.Local {
			s.Local = h.Host.Name
			continue
		}
		if s.Count++; len(s.Others) < 5 {
			s.Others = append(s.Others, h.Host.Name)
		}
	}
	own := ownHost(hosts)
	if own == nil {
		return step, nil
	}
	status, err := p.engine.Host(r.Context(), own.Host.Name)
	if err != nil {
		return step, err
	}
	looking, err := p.engine.UnderWay(r.Context(), own.Host.Name)
	if err != nil {
		return step, err
	}
	s.Explain = explainOf(r, status, looking, f)
	s.Explain.Next, s.Explain.Here = startPath, startPath
	open, there := s.Explain.Found.Count(), s.Explain.Entries
	step.Done = s.Explain.Looked && there > 0
	switch {
	case !s.Explain.Looked:
		step.Says = "the first look runs"
	case open == 0 && there == 0:
		step.Done, step.Says = true, "nothing is open beyond this machine"
	case there == 0:
		step.Says = plural(open, "door") + " to look through"
	case open == 0:
		step.Says = "every open door is explained"
	default:
		step.Says = plural(there, "door") + " explained, " + plural(open, "door") + " left"
	}
	return step, nil
}

// outsideStep is about what no machine can do for itself.
func outsideStep(hosts []portvigil.HostSummary, local string) startStep {
	step := startStep{Name: "outside", Title: "See this machine from outside", Optional: true, Says: "no machine sees itself from outside"}
	for _, h := range hosts {
		for _, v := range h.Views {
			if h.Host.Name == local && v.View == portvigil.Outside && !v.Complete.IsZero() {
				step.Done, step.Says = true, "it is seen from "+shown(v.Vantage)
			}
		}
	}
	return step
}

func channelStep(channels []portvigil.ChannelRow) startStep {
	step := startStep{Name: "channel", Title: "Be told: add a channel and test it", Says: "alerts reach nobody but these pages"}
	for _, c := range channels {
		step.Says = "a channel is there, and no message of it has arrived yet"
		if !c.LastSuccess.IsZero() {
			step.Done, step.Says = true, shown(c.Name)+" works"
			break
		}
	}
	return step
}

// beginning reports whether there is nothing yet that anybody could look at: no
// baseline.
func (p *pages) beginning(ctx context.Context) bool {
	list, err := p.engine.Baselines(ctx)
	return err == nil && len(list) == 0
}
