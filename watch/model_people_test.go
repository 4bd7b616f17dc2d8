package watch

import (
	"time"

	"github.com/portvigil/portvigil"
)

// What people do to alerts (RULES 4). Each returns false for what is refused.

func (m *model) acknowledge(a *modelAlert, until time.Time) bool {
	if !a.open() {
		listed := a.resolution == portvigil.ResolvedCleared && a.byItself && a.severity >= 3 && !a.noted
		a.noted = a.noted || listed
		return listed
	}
	a.state, a.ackUntil, a.known = portvigil.AlertAcknowledged, until, a.severity
	return true
}

func (m *model) investigate(a *modelAlert) bool {
	if a.state != portvigil.AlertAcknowledged && a.state != portvigil.AlertInvestigating {
		return false
	}
	a.state = portvigil.AlertInvestigating
	return true
}

func (m *model) shut(a *modelAlert) bool {
	if !a.open() || a.kind.Info().Family != portvigil.FamilyExposure || a.kind == portvigil.Kind(portvigil.Missing) {
		return false
	}
	a.state, a.shutAsked = portvigil.AlertWaitingShut, m.now
	return true
}

func (m *model) callFalse(a *modelAlert) bool {
	if !a.open() || a.kind == portvigil.DoorsToExplain {
		return false
	}
	m.end(a, portvigil.ResolvedFalse)
	return true
}

func (m *model) accept(a *modelAlert, until time.Time) bool {
	if !a.open() || a.kind == portvigil.Kind(portvigil.Hidden) || !until.After(m.now) {
		return false
	}
	a.until = until
	m.end(a, portvigil.ResolvedAccepted)
	return true
}

// expect is what happens where the baseline follows a folder: the alert waits
// until the entry is seen there.
func (m *model) expect(a *modelAlert) bool {
	if !a.expects() {
		return false
	}
	a.state = portvigil.AlertWaitingBaseline
	return true
}

// waitsFor are the doors that an entry would explain.
func (a *modelAlert) waitsFor() []portvigil.Door {
	if a.kind == portvigil.DoorsToExplain {
		return a.doors
	}
	door, err := portvigil.ParseDoor(a.about)
	if err != nil {
		return nil
	}
	return []portvigil.Door{door}
}

// expects reports whether an alert can be resolved by an entry for its doors.
func (a *modelAlert) expects() bool {
	return a.open() && a.kind != portvigil.Kind(portvigil.Missing) && a.kind.Info().Family != portvigil.FamilyHealth
}

// remove is the host that is watched no more.
func (m *model) remove() {
	for _, a := range m.alerts {
		if a.open() {
			m.end(a, portvigil.ResolvedCleared)
			a.byItself = false
		}
	}
	m.looks, m.maintained = nil, time.Time{}
}
