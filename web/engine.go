package web

import (
	"context"
	"io"
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

// Engine is what the API and the pages ask; the watching engine is one. "by"
// is who asks. Errors carry a portvigil.Code.
type Engine interface {
	changeTeller
	hostKeeper
	alertKeeper
	baselineKeeper
	documentKeeper
	reviewKeeper
	channelKeeper
	actTeller
}

// changeTeller tells what was written, until its listener leaves.
type changeTeller interface {
	Changes() (notes <-chan portvigil.ChangeNote, leave func())
	// Written counts the notes; it differs from what it was when something has changed.
	Written() uint64
}

type hostKeeper interface {
	Overview(ctx context.Context) ([]portvigil.HostSummary, error)
	AddHost(ctx context.Context, by string, h portvigil.Host) (portvigil.Host, error)
	EditHost(ctx context.Context, by, name string, edit portvigil.HostEdit) (portvigil.Host, error)
	Hosts(ctx context.Context) ([]portvigil.HostStatus, error)
	Host(ctx context.Context, name string) (portvigil.HostStatus, error)
	HostAt(ctx context.Context, name string, at time.Time) (portvigil.Past, error)
	HostHistory(ctx context.Context, name string, from, to time.Time) (portvigil.Timeline, error)
	RemoveHost(ctx context.Context, by, name string) error
	StartMaintenance(ctx context.Context, by, name string, until time.Time, why string) (portvigil.Host, error)
	EndMaintenance(ctx context.Context, by, name string) (portvigil.Host, error)
	LookNow(ctx context.Context, name string, wish portvigil.LookWish, send func(portvigil.LookEvent) error) error
	AskForLook(ctx context.Context, name string, view portvigil.View) error
	UnderWay(ctx context.Context, name string) ([]portvigil.LookUnderWay, error)
	Report(ctx context.Context, name string, report io.Reader) (*portvigil.Look, error)
	Scope(ctx context.Context) ([]portvigil.ScopeRule, error)
	AddScope(ctx context.Context, by string, prefix netip.Prefix, deny bool) (portvigil.ScopeRule, error)
}

type alertKeeper interface {
	AlertsWhere(ctx context.Context, f portvigil.AlertFilter) (page []portvigil.Alert, total int, err error)
	Alerts(ctx context.Context, open bool) ([]portvigil.Alert, error)
	AlertCounts(ctx context.Context, f portvigil.AlertFilter) ([]portvigil.AlertCount, error)
	Alert(ctx context.Context, id string) (portvigil.Alert, []portvigil.AuditEntry, error)
	Acknowledge(ctx context.Context, by, id string, until *time.Time) (portvigil.Alert, error)
	Investigate(ctx context.Context, by, id string) (portvigil.Alert, error)
	Comment(ctx context.Context, by, id, text string) (portvigil.Alert, error)
	Resolve(ctx context.Context, by, id string, q portvigil.ResolveRequest) (portvigil.Alert, error)
}

type baselineKeeper interface {
	Baselines(ctx context.Context) ([]portvigil.BaselineVersion, error)
	Baseline(ctx context.Context, host string) (portvigil.BaselineVersion, error)
	BaselineVersions(ctx context.Context, name string) ([]portvigil.BaselineVersion, error)
	Approve(ctx context.Context, by, host string, q portvigil.ApproveRequest) (portvigil.BaselineVersion, error)
	RemoveDoor(ctx context.Context, by, host, door string) (portvigil.BaselineVersion, error)
	ImportBaseline(ctx context.Context, by string, docs []portvigil.BaselineVersion) ([]portvigil.BaselineVersion, error)
}

type actTeller interface {
	Audit(ctx context.Context, f portvigil.ActFilter) (page []portvigil.Act, total int, err error)
}

type documentKeeper interface {
	Documents(ctx context.Context) ([]portvigil.DocumentStatus, error)
	Document(ctx context.Context, kind, name string) (portvigil.BaselineVersion, error)
	DocumentVersions(ctx context.Context, kind, name string) ([]portvigil.BaselineVersion, error)
	WriteDocument(ctx context.Context, by string, d portvigil.BaselineVersion) (portvigil.BaselineVersion, error)
	BaselineFolder() string
}

type reviewKeeper interface {
	Agenda(ctx context.Context) (portvigil.Agenda, error)
	Decide(ctx context.Context, by string, q portvigil.ReviewRequest) (portvigil.BaselineVersion, error)
	SignReview(ctx context.Context, by string, s portvigil.ReviewSignature) (portvigil.Review, error)
	PastReviews(ctx context.Context) ([]portvigil.ReviewSummary, error)
	Reviews(ctx context.Context) ([]portvigil.Review, error)
	Review(ctx context.Context, id string) (portvigil.Review, error)
}

type channelKeeper interface {
	Channels(ctx context.Context) ([]portvigil.ChannelRow, error)
	AddChannel(ctx context.Context, by string, c portvigil.ChannelRow) (portvigil.ChannelRow, error)
	RemoveChannel(ctx context.Context, by, name string) error
	Queued(ctx context.Context) (map[string]int, error)
	TestChannel(ctx context.Context, by, name string) error
}
