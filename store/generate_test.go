package store

import (
	"net/netip"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/portvigil/portvigil"
)

// sameValues compares what has no exported fields by value; nil and empty
// slices stay different.
var sameValues = cmp.Options{
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmp.Comparer(func(a, b portvigil.PortSet) bool { return a == b }),
}

// genTime draws what the database can hold: microseconds, or never.
func genTime() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(0, 4e15), fromMicros)
}

func genAddress() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes")
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return netip.AddrFrom4([4]byte(b))
		case 1:
			return netip.AddrFrom16([16]byte(b))
		case 2:
			return netip.AddrFrom16([16]byte(b)).WithZone("eth0")
		}
		return netip.Addr{}
	})
}

func genPorts() *rapid.Generator[*portvigil.PortSet] {
	return rapid.Custom(func(t *rapid.T) *portvigil.PortSet {
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			return nil
		case 1:
			return portvigil.AllPorts()
		}
		return portvigil.PortsOf(rapid.SliceOf(rapid.Uint16()).Draw(t, "ports")...)
	})
}

// some draws a slice that is nil where it is empty, as fields with omitempty are.
func some[T any](of *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.Map(rapid.SliceOfN(of, 0, 3), func(s []T) []T {
		if len(s) == 0 {
			return nil
		}
		return s
	})
}

// slice draws nil, empty and filled slices.
func slice[T any](of *rapid.Generator[T]) *rapid.Generator[[]T] {
	return rapid.OneOf(rapid.Just([]T(nil)), rapid.SliceOfN(of, 0, 3))
}

// genName is text that rows are found by: what PostgreSQL's columns cannot hold,
// a zero byte, is in no name.
func genName() *rapid.Generator[string] {
	return rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
}

func genPackage() *rapid.Generator[portvigil.Package] {
	return rapid.Custom(func(t *rapid.T) portvigil.Package {
		return portvigil.Package{Distro: rapid.String().Draw(t, "distro"), Name: rapid.String().Draw(t, "name"),
			Source: rapid.String().Draw(t, "source"), Version: rapid.String().Draw(t, "version")}
	})
}

func genService() *rapid.Generator[portvigil.Service] {
	return rapid.Custom(func(t *rapid.T) portvigil.Service {
		return portvigil.Service{
			Name: rapid.String().Draw(t, "name"), Product: rapid.String().Draw(t, "product"),
			CPE: some(rapid.String()).Draw(t, "cpe"), Package: rapid.Ptr(genPackage(), true).Draw(t, "package"),
			TLS: rapid.Bool().Draw(t, "tls"), Title: rapid.String().Draw(t, "title"),
			Certificate: rapid.Ptr(rapid.Custom(func(t *rapid.T) portvigil.Certificate {
				return portvigil.Certificate{Subject: rapid.String().Draw(t, "subject"), Names: some(rapid.String()).Draw(t, "names"),
					NotBefore: genTime().Draw(t, "from"), NotAfter: genTime().Draw(t, "to")}
			}), true).Draw(t, "certificate"),
			Banner:     some(rapid.Byte()).Draw(t, "banner"),
			Confidence: rapid.IntRange(0, 100).Draw(t, "confidence"), Connected: rapid.Bool().Draw(t, "connected"),
		}
	})
}

func genProcess() *rapid.Generator[portvigil.Process] {
	return rapid.Custom(func(t *rapid.T) portvigil.Process {
		return portvigil.Process{PID: rapid.Int().Draw(t, "pid"), Exe: rapid.String().Draw(t, "exe"),
			Deleted: rapid.Bool().Draw(t, "deleted"), Started: genTime().Draw(t, "started"), Unit: rapid.String().Draw(t, "unit"),
			Container: rapid.Ptr(rapid.String(), true).Draw(t, "container"), Package: rapid.Ptr(genPackage(), true).Draw(t, "package")}
	})
}

func genListener() *rapid.Generator[portvigil.Listener] {
	return rapid.Custom(func(t *rapid.T) portvigil.Listener {
		return portvigil.Listener{Proto: portvigil.UDP, Address: genAddress().Draw(t, "address"), Port: rapid.Uint16().Draw(t, "port"),
			Scope: portvigil.ScopeAny, V6Only: rapid.Bool().Draw(t, "v6only"), Device: rapid.String().Draw(t, "device"),
			Namespace: rapid.Uint64().Draw(t, "namespace"), Process: rapid.Ptr(genProcess(), true).Draw(t, "process"),
			Others: some(genProcess()).Draw(t, "others")}
	})
}

func genObservation() *rapid.Generator[portvigil.Observation] {
	return rapid.Custom(func(t *rapid.T) portvigil.Observation {
		return portvigil.Observation{Port: rapid.Uint16().Draw(t, "port"), State: portvigil.StateOpen,
			Reason: portvigil.Reason(rapid.String().Draw(t, "reason")), Service: rapid.Ptr(genService(), true).Draw(t, "service")}
	})
}

func genLook() *rapid.Generator[*portvigil.Look] {
	return rapid.Custom(func(t *rapid.T) *portvigil.Look {
		return &portvigil.Look{
			ID: portvigil.NewID(), Run: rapid.String().Draw(t, "run"),
			View:    rapid.SampledFrom([]portvigil.View{portvigil.Inside, portvigil.Outside}).Draw(t, "view"),
			Vantage: rapid.String().Draw(t, "vantage"), Reach: portvigil.ReachInternet, Address: genAddress().Draw(t, "address"),
			Proto: portvigil.TCP, Ports: genPorts().Draw(t, "ports"),
			Covers: slice(rapid.Just(portvigil.CoversOwners)).Draw(t, "covers"), Method: portvigil.MethodConnect,
			Seq:     rapid.Uint64Range(0, 1<<63-1).Draw(t, "seq"),
			Started: genTime().Draw(t, "started"), Ended: genTime().Draw(t, "ended"), Received: genTime().Draw(t, "received"),
			Complete:        rapid.Bool().Draw(t, "complete"),
			MissProbability: rapid.Ptr(rapid.Float64(), true).Draw(t, "miss"),
			Loss: rapid.Ptr(rapid.Custom(func(t *rapid.T) portvigil.Loss {
				return portvigil.Loss{Estimate: rapid.Float64().Draw(t, "estimate"), Samples: rapid.Int().Draw(t, "samples")}
			}), true).Draw(t, "loss"),
			Probes: rapid.Int().Draw(t, "probes"), DefaultState: portvigil.StateFiltered,
			Observations: slice(genObservation()).Draw(t, "observations"), Listeners: slice(genListener()).Draw(t, "listeners"),
			Notes: slice(rapid.String()).Draw(t, "notes"), OwnAddress: rapid.Bool().Draw(t, "own"),
		}
	})
}

func genHead() *rapid.Generator[portvigil.LookHead] {
	return rapid.Custom(func(t *rapid.T) portvigil.LookHead {
		return portvigil.LookHead{ID: portvigil.NewID(), Seq: rapid.Uint64().Draw(t, "seq"), Started: genTime().Draw(t, "started"),
			Received: genTime().Draw(t, "received"), Complete: rapid.Bool().Draw(t, "complete"), Default: portvigil.StateClosed,
			Notes: some(rapid.String()).Draw(t, "notes")}
	})
}

func genTrail() *rapid.Generator[*portvigil.Trail] {
	return rapid.Custom(func(t *rapid.T) *portvigil.Trail {
		covering := rapid.Custom(func(t *rapid.T) portvigil.Covering {
			return portvigil.Covering{Look: genHead().Draw(t, "look"), Ports: genPorts().Draw(t, "ports")}
		})
		sight := rapid.Custom(func(t *rapid.T) portvigil.Sight {
			return portvigil.Sight{Door: portvigil.Door{Proto: portvigil.TCP, Port: rapid.Uint16().Draw(t, "port")},
				State: portvigil.StateOpen, Since: genTime().Draw(t, "since"), LastLook: portvigil.NewID(),
				Confirmed: rapid.Bool().Draw(t, "confirmed"), Service: rapid.Ptr(genService(), true).Draw(t, "service"),
				Listeners: some(genListener()).Draw(t, "listeners")}
		})
		return &portvigil.Trail{
			Key: portvigil.ViewKey{View: portvigil.Outside, Vantage: genName().Draw(t, "vantage"),
				Address: genAddress().Draw(t, "address"), Proto: portvigil.TCP},
			Reach: portvigil.ReachInternal, Newest: genHead().Draw(t, "newest"),
			First: some(covering).Draw(t, "first"), Latest: some(covering).Draw(t, "latest"),
			Full: rapid.Ptr(genHead(), true).Draw(t, "full"), Answered: genPorts().Draw(t, "answered"),
			Sights: some(sight).Draw(t, "sights"),
		}
	})
}

func genAlert() *rapid.Generator[portvigil.Alert] {
	return rapid.Custom(func(t *rapid.T) portvigil.Alert {
		verdict := rapid.Just(portvigil.Hidden)
		sighting := rapid.Custom(func(t *rapid.T) portvigil.Sighting {
			return portvigil.Sighting{Vantage: rapid.String().Draw(t, "vantage"), State: "open", Seen: genTime().Draw(t, "seen")}
		})
		endpoint := rapid.Custom(func(t *rapid.T) portvigil.AlertEndpoint {
			return portvigil.AlertEndpoint{Address: genAddress().Draw(t, "address"), Proto: portvigil.TCP, Port: rapid.Uint16().Draw(t, "port"),
				Verdict: portvigil.Changed, Also: slice(verdict).Draw(t, "also"), Process: rapid.Ptr(genProcess(), true).Draw(t, "process")}
		})
		return portvigil.Alert{
			ID: portvigil.NewID(), Kind: portvigil.ManyDoors, Severity: portvigil.High,
			Subject: portvigil.Subject{Kind: "host", Name: rapid.String().Draw(t, "subject")}, Host: rapid.String().Draw(t, "host"),
			Endpoints: slice(endpoint).Draw(t, "endpoints"), State: portvigil.AlertNew, Opened: genTime().Draw(t, "opened"),
			Changed: genTime().Draw(t, "changed"), Reopened: rapid.Int().Draw(t, "reopened"), Family: portvigil.FamilyExposure,
			Cause: rapid.Ptr(rapid.Just(portvigil.Cause{ID: "c", Count: 2}), true).Draw(t, "cause"), Service: rapid.Ptr(genService(), true).Draw(t, "service"),
			Views: portvigil.AlertViews{Outside: slice(sighting).Draw(t, "outside"), Inside: rapid.Ptr(sighting, true).Draw(t, "inside")},
			Text:  rapid.String().Draw(t, "text"),
			Memory: portvigil.AlertMemory{AckUntil: rapid.Ptr(genTime(), true).Draw(t, "ack"), ShutLooks: rapid.Int().Draw(t, "looks"),
				Peak: portvigil.Critical, Before: rapid.String().Draw(t, "before")},
		}
	})
}
