package portvigil

import (
	"net/netip"
	"testing"
	"time"
)

// What somebody expects has to be explained by the entry that this writes: else
// the alert is resolved and open again at once.
func TestAnApprovedDoorIsCoveredFromWhereItIsSeen(t *testing.T) {
	t.Parallel()
	address, door := netip.MustParseAddr("10.1.0.5"), Door{TCP, 5432}
	for _, scope := range []Scope{"", ScopeLoopback, ScopePrivate, ScopePublic, ScopeAny} {
		for _, reaches := range [][]Reach{nil, {ReachInternal}, {ReachInternet}, {ReachInternal, ReachInternet}} {
			seen := DoorPrint{Scope: scope, Reaches: reaches}.EntryScope()
			e := SuggestEntry(door, seen, nil, nil, "the shop's database", "ann")
			for _, reach := range reaches {
				if !e.CoversOutside(address, door, "local", reach, time.Time{}) {
					t.Errorf("seen from the %s with scope %q, an entry of scope %q does not cover it", reach, scope, seen)
				}
			}
			if seen != "" && seen != scope {
				t.Errorf("scope %q became %q, which nobody saw", scope, seen)
			}
			if len(reaches) == 0 && seen != scope {
				t.Errorf("seen only inside with scope %q, the entry does not hold it to that", scope)
			}
		}
	}
}
