package watch

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/portvigil/portvigil"
)

// System is who is named where nobody asked for what happened.
const System = portvigil.System

// OutsideTarget is what the outside view is asked to look at.
type OutsideTarget struct {
	Host    portvigil.Host
	Address netip.Addr
	Name    string             // the DNS name that led to it, "" for none
	Run     string             // the looks that are started together
	Proto   portvigil.Proto    // TCP or UDP
	Ports   *portvigil.PortSet // nil: all TCP ports
	// First are the doors that are looked at first, since something listens there.
	First *portvigil.PortSet
	// References are ports that answered before: doors that show that the way is clear.
	References []uint16
}

// outsideViewer looks at one address from this server's own vantage.
type outsideViewer interface {
	Look(ctx context.Context, t OutsideTarget, progress func(portvigil.LookProgress)) (*portvigil.Look, error)
	// Resolve returns the addresses that a target leads to now.
	Resolve(ctx context.Context, target string) ([]netip.Addr, error)
	// ParsePorts reads what scan takes as ports.
	ParsePorts(spec string) (portvigil.PortSpec, error)
}

// insideViewer looks at this machine from inside.
type insideViewer interface {
	Look(ctx context.Context, host portvigil.Host, run string) (*portvigil.Look, error)
}

// messenger delivers to one channel. An error that is a *Later says when to
// try again; one that is a *GiveUp will not get better.
type messenger interface {
	Send(ctx context.Context, c portvigil.ChannelRow, d portvigil.Delivery) error
	// Check returns an Error for settings with which the channel cannot work.
	Check(c portvigil.ChannelRow) error
}

// Options of an Engine; the zero value of each has a use.
type Options struct {
	Clock  Clock // nil: the machine's
	Logger *slog.Logger
	// LinkBase is where the pages are, without a slash at the end; "" for no links.
	LinkBase string
	// Inside makes the inside view of the local host; nil: there is none.
	Inside insideViewer
	// Folder has the baseline; the zero value: people keep it on the server.
	Folder Folder
	// Vantage is what the outside view calls itself in its looks; "" for local.
	Vantage string
	// Chance returns a number below n, by which hosts are drawn that a blind vantage tries; nil: any.
	Chance func(n int64) int64
}

// Engine is the loop that watches. Its methods may be called at the same time.
type Engine struct {
	store     Store
	outside   outsideViewer
	inside    insideViewer
	messenger messenger
	clock     Clock
	log       *slog.Logger
	linkBase  string
	chance    func(int64) int64
	vantage   string

	line     line
	lanes    lanes
	progress broadcast
	feed     feed
	dues     dues
	swept    time.Time // when the hosts were last judged; of whoever runs Run
	folder   follower

	parsed    parsed
	summaries summaries
	overviews joint[[]summed]
	listings  joint[[]portvigil.DocumentStatus]
	agendas   joint[portvigil.Agenda]
}

// New returns an engine over the store; Run makes it watch.
func New(store Store, outside outsideViewer, m messenger, o Options) *Engine {
	e := &Engine{outside: outside, inside: o.Inside, messenger: m, clock: o.Clock, log: o.Logger, linkBase: o.LinkBase, chance: o.Chance, vantage: cmp.Or(o.Vantage, "local")}
	if e.chance == nil {
		e.chance = rand.Int64N
	}
	e.summaries.turn = make(chan struct{}, 1)
	e.store = noting{store, &e.dues, &e.summaries, &e.feed}
	e.folder.Folder = o.Folder
	if e.clock == nil {
		e.clock = time.Now
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	return e
}

// now is the server's time as the store keeps it: UTC, in microseconds.
func (e *Engine) now() time.Time { return e.clock().UTC().Truncate(time.Microsecond) }

// errGone tells that a host was removed while it was looked at or judged.
var errGone = errors.New("the host was removed")

// hostNow returns the host as it is in this transaction, errGone where it was
// removed. What was read of it before may speak of another one by that name.
func hostNow(tx Tx, id string) (portvigil.Host, error) {
	h, err := tx.HostByID(id)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return h, errGone
	}
	return h, err
}

// viewsOf returns the views of the host that this server makes by itself.
func (e *Engine) viewsOf(h portvigil.Host) []portvigil.View {
	var views []portvigil.View
	if h.Local && e.inside != nil {
		views = append(views, portvigil.Inside)
	}
	if len(h.Targets) > 0 {
		views = append(views, portvigil.Outside)
	}
	return views
}
