package watch

import (
	"context"
	"time"

	"github.com/portvigil/portvigil"
)

// Store is the ground that the engine stands on: transactions that see a
// consistent state, one writer at a time. What Update's function did is on disk
// when Update returns nil, and leaves no trace when it returns an error. The
// function may run again when the database was busy: it changes nothing but the Tx.
type Store interface {
	View(ctx context.Context, do func(Tx) error) error
	Update(ctx context.Context, do func(Tx) error) error
}

// Tx is a transaction. Every method that looks for one thing returns a
// portvigil.Error with CodeNotFound where it is not there.
type Tx interface {
	hosts
	looks
	alerts
	baselines
	channels
	requests
	acts
	reviews
}

type hosts interface {
	Hosts() ([]portvigil.Host, error) // by name
	Host(name string) (portvigil.Host, error)
	HostByID(id string) (portvigil.Host, error)
	PutHost(portvigil.Host) error
	// RemoveHost removes the host, its looks, trails and requests; its alerts stay.
	RemoveHost(id string) error
	Scope() ([]portvigil.ScopeRule, error)
	PutScopeRule(portvigil.ScopeRule) error // replaces the rule for the same prefix
}

type looks interface {
	// NextSeq returns a number above all that it returned before.
	NextSeq() (uint64, error)
	HasLook(id string) (bool, error)
	AddLook(hostID string, l *portvigil.Look) error
	// ReplayTrail derives the trail of a view anew from all its looks, and from what
	// stands for those that are no longer kept.
	ReplayTrail(hostID string, key portvigil.ViewKey) (*portvigil.Trail, error)
	// LooksOfRun returns the looks at a host that were started together, oldest first.
	LooksOfRun(hostID, run string) ([]*portvigil.Look, error)
	Trails(hostID string) ([]portvigil.Trail, error) // ordered by view, vantage, address, protocol
	PutTrail(hostID string, t *portvigil.Trail) error
	// RemoveTrail removes the trail of an address that has gone.
	RemoveTrail(hostID string, key portvigil.ViewKey) error
	// Past returns a host's intervals that touch the moment, and what was watched
	// by then.
	Past(hostID string, at time.Time) ([]portvigil.Interval, []portvigil.Watched, error)
	// PastBetween returns a host's intervals that touch the time, and what was
	// watched in it or not longer than before ahead of it: the newest, atMost many
	// of each, and how many are left out.
	PastBetween(hostID string, from, to time.Time, before time.Duration, atMost int) ([]portvigil.Interval, []portvigil.Watched, int, error)
}

type alerts interface {
	Alert(id string) (portvigil.Alert, error) // id or a unique prefix or suffix of at least 6 characters
	Alerts(open bool) ([]portvigil.Alert, error)
	AlertsOfHost(name string) ([]portvigil.Alert, error) // open and resolved, oldest first
	// AlertsWhere returns a page of alerts and how many there are in all; it does not
	// look at the filter's Group.
	AlertsWhere(portvigil.AlertFilter) (page []portvigil.Alert, total int, err error)
	// AlertCounts counts those that the filter picks, alike ones together.
	AlertCounts(portvigil.AlertFilter) ([]portvigil.AlertCount, error)
	PutAlert(portvigil.Alert) error
	AddAudit(portvigil.AuditEntry) error
	Audit(alert string) ([]portvigil.AuditEntry, error)
}

type baselines interface {
	// Baseline returns the newest version of a document; kind is "host" or "group".
	Baseline(kind, name string) (portvigil.BaselineVersion, error)
	Baselines() ([]portvigil.BaselineVersion, error) // the newest of each, hosts first, by name
	// BaselinesFor returns the newest of the host's document and of each group's.
	BaselinesFor(host string) ([]portvigil.BaselineVersion, error)
	// BaselineVersions returns every version of a document, the oldest first.
	BaselineVersions(kind, name string) ([]portvigil.BaselineVersion, error)
	// AddBaseline adds the version after the newest; CodeConflict where v.Version is not that.
	AddBaseline(v portvigil.BaselineVersion) error
}

type channels interface {
	Channels() ([]portvigil.ChannelRow, error)
	Channel(name string) (portvigil.ChannelRow, error)
	PutChannel(portvigil.ChannelRow) error
	RemoveChannel(id string) error // and what is queued for it
	// AddDelivery stores the delivery and wakes a worker for it once committed.
	AddDelivery(portvigil.Delivery) error
	Delivery(id string) (portvigil.Delivery, error)
	PutDelivery(portvigil.Delivery) error
	QueuedDeliveries() ([]portvigil.Delivery, error)
}

type requests interface {
	// AddRequest stores the request and wakes a worker when it is due.
	AddRequest(portvigil.LookRequest) error
	Request(id string) (portvigil.LookRequest, error)
	PutRequest(portvigil.LookRequest) error
	// WakeRequest is PutRequest for a request that is due at another time, or more
	// urgent, than it was, and wakes a worker for it then: perhaps a second one.
	WakeRequest(portvigil.LookRequest) error
	// OpenRequests returns a host's requests that are wanted or running; of all hosts for "".
	OpenRequests(hostID string) ([]portvigil.LookRequest, error)
	Setting(key string) (string, error) // "" where it was never put
	PutSetting(key, value string) error
}

type acts interface {
	AddAct(portvigil.Act) error
	// Acts returns a page of what was done, the steps of alerts' stories among it, and
	// how much there is in all.
	Acts(portvigil.ActFilter) (page []portvigil.Act, total int, err error)
}

type reviews interface {
	PutReview(portvigil.Review) error
	Review(id string) (portvigil.Review, error)
	Reviews() ([]portvigil.Review, error) // one that is not signed first, then the newest
	// LastOpen returns when each door of a host was last seen open or listening, by
	// protocol and port.
	LastOpen(hostID string) ([]portvigil.LastOpen, error)
}

// Clock tells the time; tests bring their own.
type Clock func() time.Time
