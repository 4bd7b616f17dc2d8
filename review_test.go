package portvigil

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// reviewedEntry is one that gives no reason by itself.
func reviewedEntry() Entry {
	return Entry{Ports: PortRange{443, 443}, Proto: TCP, Why: "the shop", Owner: "ann"}
}

func exposed(port uint16, state string, v Verdict) Exposure {
	x := Exposure{Endpoint: Endpoint{Address: netip.MustParseAddr("10.0.0.1"), Proto: TCP, Port: port}, Verdict: v}
	if state != "" {
		x.Views.Outside = []Sighting{{State: state}}
	}
	return x
}

func TestAnEntryIsReviewedForAReason(t *testing.T) {
	open, shut, unverified := exposed(443, "open", Expected), exposed(443, "closed", Missing), exposed(443, "", Unverified)
	edit := func(do func(*Entry)) Entry {
		e := reviewedEntry()
		do(&e)
		return e
	}
	for _, c := range []struct {
		name string
		e    Entry
		host SeenHost
		was  []Entry // nil: there was no review
		want []ReviewReason
	}{
		{"explained, open and reviewed before: none", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{reviewedEntry()}, nil},
		{"before the first review everything is new", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{open})}, nil, []ReviewReason{ReviewNew}},
		{"another door than those of then is new", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{adminDoor("x")}, []ReviewReason{ReviewNew}},
		{"another reason is not a new door", edit(func(e *Entry) { e.Why = "blog" }), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{reviewedEntry()}, nil},
		{"no reason and no owner", edit(func(e *Entry) { e.Why, e.Owner = "", "" }), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{reviewedEntry()}, []ReviewReason{ReviewUnexplained, ReviewNoOwner}},
		{"over since yesterday", edit(func(e *Entry) { e.Expires = DateOf(noon.AddDate(0, 0, -1)) }), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{reviewedEntry()}, []ReviewReason{ReviewExpired}},
		{"its last day is today", edit(func(e *Entry) { e.Expires = DateOf(noon) }), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{reviewedEntry()}, []ReviewReason{ReviewExpires}},
		{"over in two months: not yet", edit(func(e *Entry) { e.Expires = DateOf(noon.AddDate(0, 2, 0)) }), SeenHost{Doors: DoorSights([]Exposure{open})}, []Entry{reviewedEntry()}, nil},
		{"never seen open", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{shut})}, []Entry{reviewedEntry()}, []ReviewReason{ReviewNotOpen}},
		{"seen open a week ago: not long", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{shut}), LastOpen: []LastOpen{{Door{TCP, 443}, noon.AddDate(0, 0, -7)}}}, []Entry{reviewedEntry()}, nil},
		{"seen open in spring", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{shut}), LastOpen: []LastOpen{{Door{TCP, 443}, noon.AddDate(0, -3, 0)}}}, []Entry{reviewedEntry()}, []ReviewReason{ReviewNotOpen}},
		{"another protocol was open", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{shut}), LastOpen: []LastOpen{{Door{UDP, 443}, noon}}}, []Entry{reviewedEntry()}, []ReviewReason{ReviewNotOpen}},
		{"no view has looked: nothing follows", reviewedEntry(), SeenHost{Blind: true}, []Entry{reviewedEntry()}, nil},
		{"a view that it asks for has not looked: nothing follows", reviewedEntry(), SeenHost{Doors: DoorSights([]Exposure{unverified})}, []Entry{reviewedEntry()}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Reviewed{DocumentStatus: DocumentStatus{BaselineVersion: BaselineVersion{Kind: "host", Name: "web1", Version: 3}, Document: Document{Host: "web1", Entries: []Entry{c.e}}, Hosts: []SeenHost{c.host}}}
			if c.was != nil {
				d.Before = &Document{Host: "web1", Entries: c.was}
			}
			var got []ReviewReason
			for _, i := range ReviewItems([]Reviewed{d}, nil, nil, noon) {
				got = i.Reasons
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestADecisionHoldsForTheEntryAsItWasWritten(t *testing.T) {
	e := reviewedEntry()
	r := &Review{Documents: []ReviewedDocument{{"host", "web1", 3}}}
	r.Decide(ReviewDecision{Kind: "host", Name: "web1", Version: 3, Verdict: ReviewKeep, Text: FormatEntry(e)}, 3)
	d := Reviewed{DocumentStatus: DocumentStatus{BaselineVersion: BaselineVersion{Kind: "host", Name: "web1"}, Document: Document{Host: "web1", Entries: []Entry{e}}}}
	if items := ReviewItems([]Reviewed{d}, r, nil, noon); len(items) != 1 || items[0].Decision == nil || items[0].Decision.Verdict != ReviewKeep {
		t.Errorf("it is undecided: %+v", items)
	}
	d.Document.Entries[0].Scope = ScopeAny
	if items := ReviewItems([]Reviewed{d}, r, nil, noon); items[0].Decision != nil {
		t.Error("what somebody changed meanwhile counts as decided")
	}
	d.Document.Entries[0].Scope = ""
	d.Name = "web2"
	if items := ReviewItems([]Reviewed{d}, r, nil, noon); items[0].Decision != nil {
		t.Error("the decision holds for another host")
	}
	d.Name = "web1"
	r.Decide(ReviewDecision{Kind: "host", Name: "web1", Version: 4, Verdict: ReviewClose, Text: FormatEntry(adminDoor("x"))}, 3)
	d.Document.Entries = []Entry{adminDoor("x")}
	if items := ReviewItems([]Reviewed{d}, r, nil, noon); items[0].Decision != nil {
		t.Error("an entry that was closed and is back counts as decided")
	}
	if v := r.Version("host", "web1"); v != 4 {
		t.Errorf("the review rests on version %d", v)
	}
	r.Decide(ReviewDecision{Kind: "host", Name: "web1", Version: 7}, 6)
	if v := r.Version("host", "web1"); v != 4 {
		t.Errorf("versions that somebody else made are lost: it rests on %d", v)
	}
}

func TestWhatWasLeftUndecidedComesUpAgain(t *testing.T) {
	e := reviewedEntry()
	d := Reviewed{DocumentStatus: DocumentStatus{BaselineVersion: BaselineVersion{Kind: "host", Name: "web1"}, Document: Document{Host: "web1", Entries: []Entry{e}}},
		Before: &Document{Host: "web1", Entries: []Entry{e}}}
	last := &Review{Left: []ReviewedEntry{{Kind: "host", Name: "web1", Text: FormatEntry(e)}}}
	if items := ReviewItems([]Reviewed{d}, nil, last, noon); len(items) != 1 {
		t.Errorf("got %+v", items)
	}
	last.Left[0].Name = "web2"
	if items := ReviewItems([]Reviewed{d}, nil, last, noon); len(items) != 0 {
		t.Errorf("what was left of another host comes up: %+v", items)
	}
}

func TestWhatIsKeptHasAReasonAnOwnerAndAnEndToCome(t *testing.T) {
	over := reviewedEntry()
	over.Expires = DateOf(noon.Add(-48 * time.Hour))
	for _, c := range []struct {
		name string
		e    Entry
		q    ReviewRequest
		code Code
		want string
	}{
		{"nothing to fill in", reviewedEntry(), ReviewRequest{}, "", "the shop/ann/"},
		{"no reason", Entry{Owner: "ann"}, ReviewRequest{}, CodeInvalid, ""},
		{"no owner", Entry{Why: "shop"}, ReviewRequest{}, CodeInvalid, ""},
		{"both filled in", Entry{}, ReviewRequest{Why: "shop", Owner: "bob"}, "", "shop/bob/"},
		{"over", over, ReviewRequest{}, CodeInvalid, ""},
		{"over, and stays so", over, ReviewRequest{Expires: "2020-01-01"}, CodeInvalid, ""},
		{"over, with no date", over, ReviewRequest{Expires: "later"}, CodeInvalid, ""},
		{"prolonged", over, ReviewRequest{Expires: "2028-01-01"}, "", "the shop/ann/2028-01-01"},
		{"without an end", over, ReviewRequest{Expires: "never"}, "", "the shop/ann/"},
	} {
		got, err := c.q.Kept(c.e, noon)
		if ErrorCode(err) != c.code {
			t.Errorf("%s: got %v", c.name, err)
		}
		if text := got.Why + "/" + got.Owner + "/" + got.Expires.String(); err == nil && text != c.want {
			t.Errorf("%s: got %s, want %s", c.name, text, c.want)
		}
	}
}

func TestTheSurestSightOfAnEntryIsSaid(t *testing.T) {
	inside := exposed(443, "closed", UnexpectedListening)
	inside.Views.Inside = &Sighting{State: Listening}
	ranged := Entry{Ports: PortRange{400, 500}, Proto: TCP}
	elsewhere := reviewedEntry()
	at("10.0.0.9")(&elsewhere)
	for _, c := range []struct {
		name string
		e    Entry
		list []Exposure
		want EntrySight
	}{
		{"open from outside", reviewedEntry(), []Exposure{inside, exposed(443, "open", Expected)}, SightOpen},
		{"listens only", reviewedEntry(), []Exposure{exposed(443, "closed", Missing), inside}, SightListening},
		{"missing", reviewedEntry(), []Exposure{exposed(443, "closed", Missing), exposed(443, "", Unverified)}, SightMissing},
		{"unverified", reviewedEntry(), []Exposure{exposed(443, "", Unverified)}, SightUnverified},
		{"shut", reviewedEntry(), []Exposure{exposed(443, "closed", Pending)}, SightShut},
		{"another address", elsewhere, []Exposure{exposed(443, "open", Expected)}, SightUnknown},
		{"another port", reviewedEntry(), []Exposure{exposed(80, "open", Expected)}, SightUnknown},
		{"in a range", ranged, []Exposure{exposed(443, "open", Expected)}, SightOpen},
		{"a range with nothing in it", ranged, []Exposure{exposed(80, "open", Expected)}, SightShut},
		{"nothing is known", ranged, nil, SightUnknown},
	} {
		if got := SightOf(c.e, DoorSights(c.list)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestWhatIsSeenOfAnEntryIsLookedForInOrder holds the search in lists that are in the
// order of their doors against going through all of them.
func TestWhatIsSeenOfAnEntryIsLookedForInOrder(t *testing.T) {
	protos, sights := []Proto{TCP, UDP}, []EntrySight{SightUnknown, SightShut, SightUnverified, SightMissing, SightListening, SightOpen}
	rapid.Check(t, func(t *rapid.T) {
		var doors []DoorSight
		var opened []LastOpen
		for range rapid.IntRange(0, 12).Draw(t, "doors") {
			d := Door{rapid.SampledFrom(protos).Draw(t, "proto"), uint16(rapid.IntRange(1, 9).Draw(t, "port"))}
			doors = append(doors, DoorSight{Door: d, Sight: rapid.SampledFrom(sights).Draw(t, "sight")})
			opened = append(opened, LastOpen{d, noon.Add(time.Duration(rapid.IntRange(-99, 0).Draw(t, "hours")) * time.Hour)})
		}
		slices.SortStableFunc(doors, func(a, b DoorSight) int { return compareDoors(a.Door, b.Door) })
		slices.SortStableFunc(opened, func(a, b LastOpen) int { return compareDoors(a.Door, b.Door) })
		first := rapid.IntRange(1, 9).Draw(t, "first")
		e := Entry{Proto: rapid.SampledFrom(protos).Draw(t, "of"), Ports: PortRange{uint16(first), uint16(rapid.IntRange(first, 9).Draw(t, "last"))}}
		best, last := SightUnknown, time.Time{}
		for i := range doors {
			if doors[i].Door.Proto == e.Proto && e.Ports.Contains(doors[i].Door.Port) {
				best = best.Surer(doors[i].Sight)
			}
			if opened[i].Door.Proto == e.Proto && e.Ports.Contains(opened[i].Door.Port) && opened[i].Time.After(last) {
				last = opened[i].Time
			}
		}
		if best == SightUnknown && !e.Ports.Single() && len(doors) > 0 {
			best = SightShut
		}
		if got := SightOf(e, doors); got != best {
			t.Errorf("%s of %v is %q, want %q", e.Target(), doors, got, best)
		}
		if got := LastOpenOf(e, opened); got != last {
			t.Errorf("%s of %v was last open at %s, want %s", e.Target(), opened, got, last)
		}
	})
}
