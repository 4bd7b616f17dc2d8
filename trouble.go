package portvigil

import "time"

// ChannelFailsAfter is how long a channel's messages have to fail before
// somebody hears of it: a receiver that restarts is no news.
const ChannelFailsAfter = 15 * time.Minute

// Trouble is what is wrong with the means of watching rather than with a host.
type Trouble struct {
	Kind    Kind
	Subject Subject
	Since   time.Time // when the spell began
	Text    string    // what is known of it beyond the kind's sentence, "" for nothing
}

// ChannelSubject names a channel as what an alert is about.
func ChannelSubject(name string) Subject { return Subject{"channel", name} }

// FailingChannels returns a trouble for each channel that has taken no message
// for ChannelFailsAfter, although it was sent at least one. One that was given
// up counts too: nobody has read it.
func FailingChannels(channels []ChannelRow, now time.Time) []Trouble {
	var list []Trouble
	for _, c := range channels {
		if !c.FailingSince.IsZero() && now.Sub(c.FailingSince) >= ChannelFailsAfter {
			list = append(list, Trouble{Kind: ChannelFailing, Subject: ChannelSubject(c.Name), Since: c.FailingSince})
		}
	}
	return list
}

// ReconcileTroubles keeps one alert for each trouble: opened when it begins,
// resolved as cleared when it is over, re-opened when it comes back within
// ReopenWithin. The alerts are those of no host, oldest first. Applied to its
// own result it returns nothing.
func ReconcileTroubles(now time.Time, troubles []Trouble, alerts []Alert) []Change {
	r := reconciler{Reconciliation: Reconciliation{Now: now, Alerts: alerts}}
	type key struct {
		kind    Kind
		subject Subject
	}
	there := map[key]bool{}
	for _, t := range troubles {
		there[key{t.Kind, t.Subject}] = true
		r.trouble(t)
	}
	for _, a := range alerts {
		if a.Open() && a.Host == "" && !there[key{a.Kind, a.Subject}] {
			r.resolve(a, nil, Resolution{Kind: ResolvedCleared, By: "portvigil", Time: now, Why: troubleOver(a.Kind)})
		}
	}
	return r.changes
}

// trouble opens, re-opens or keeps the one alert of a trouble.
func (r *reconciler) trouble(t Trouble) {
	own := r.newest(func(a *Alert) bool { return a.Kind == t.Kind && a.Subject == t.Subject })
	info := t.Kind.Info()
	a := Alert{ID: NewID(), Kind: t.Kind, Family: info.Family, Subject: t.Subject, Opened: r.Now,
		Endpoints: []AlertEndpoint{}, Views: AlertViews{Outside: []Sighting{}}}
	told, what := AlertOpened, "opened"
	switch {
	case own == nil:
	case own.Open():
		a = *own
		a.Text = troubleText(a, t)
		if over := r.over(&a); over != "" {
			a.Changed = r.Now
			r.note(a, "", over)
		} else if a.Text != own.Text {
			r.note(a, "", SeenAgain)
		}
		return
	case r.accepted(own):
		return
	case own.Resolution.Kind == ResolvedFalse && !t.Since.After(own.Resolution.Time):
		return // the same spell as the one that somebody called a false alarm
	case own.Resolution.Kind != ResolvedAccepted && r.Now.Sub(own.Resolution.Time) > ReopenWithin:
		a.Memory.Before = own.ID
	default:
		a, told, what = *own, AlertReopened, "re-opened"
		a.Resolution, a.Memory = nil, AlertMemory{Before: own.Memory.Before}
		a.Reopened++
	}
	a.Severity, a.State, a.Changed, a.Memory.Peak = info.Severity, AlertNew, r.Now, info.Severity
	a.Text = troubleText(a, t)
	r.note(a, told, what)
}

func troubleText(a Alert, t Trouble) string {
	if t.Text == "" {
		return a.Sentence()
	}
	return a.Sentence() + " " + t.Text
}

// troubleOver says how a trouble ended.
func troubleOver(kind Kind) string {
	switch kind {
	case ChannelFailing:
		return "a message arrived, or the channel was removed"
	case BaselineUnreadable:
		return "it can be read again, or is gone"
	case VantageBlind:
		return "it sees most of its hosts again; those that it still cannot reach get alerts of their own"
	}
	return "it is over"
}
