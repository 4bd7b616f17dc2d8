package watch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

const documented = `version: 1
host: web1
entries:
  - port: 22
    proto: tcp
    why: ssh # by the book
    owner: ann
`

func TestAnEditThatWasMadeFromAnOlderVersionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80)
	imported := func(text string, version int) error {
		_, err := w.engine.ImportBaseline(t.Context(), "bob",
			[]portvigil.BaselineVersion{{Kind: docHost, Name: web1, Text: text, Version: version}})
		return err
	}
	w.must(imported(documented, 0))
	read, err := w.engine.Baseline(t.Context(), web1)
	w.must(err)
	_, err = w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{Doors: []string{"80/tcp"}, Why: "shop", Owner: "ann"})
	w.must(err)
	err = imported(strings.ReplaceAll(read.Text, "ann", "bob"), read.Version)
	w.refused(err, portvigil.CodeConflict)
	if !strings.Contains(err.Error(), "changed meanwhile") || !strings.Contains(err.Error(), "read it again") {
		t.Errorf("it says %q", err)
	}
	now, err := w.engine.Baseline(t.Context(), web1)
	w.must(err)
	if now.Version != read.Version+1 || !strings.Contains(now.Text, "80") || !strings.Contains(now.Text, "# by the book") {
		t.Errorf("version %d is:\n%s", now.Version, now.Text)
	}
	w.must(imported(now.Text, read.Version)) // says the same: there is nothing to lose
	w.must(imported(strings.ReplaceAll(now.Text, "ann", "bob"), now.Version))
	w.quiet()
}

func TestWhatIsNotTheDocumentIsNotImported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	for name, text := range map[string]string{"another host's": "version: 1\nhost: web2\n", "two": documented + "---\nversion: 1\nhost: web2\n"} {
		_, err := w.engine.ImportBaseline(t.Context(), "bob", []portvigil.BaselineVersion{{Kind: docHost, Name: web1, Text: text}})
		if portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if list := must(w.engine.Documents(t.Context())); len(list) != 0 {
		t.Errorf("there is %+v", list)
	}
}

func TestEditsAtTheSameTimeLoseNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80, 443)
	done := make(chan error)
	doors := []string{"22/tcp", "80/tcp", "443/tcp"}
	for _, door := range doors {
		go func() {
			_, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{Doors: []string{door}, Why: "as installed", Owner: "ann"})
			done <- err
		}()
	}
	for range doors {
		w.must(<-done)
	}
	w.quiet()
	if v := must(w.engine.Baseline(t.Context(), web1)); v.Version != 3 {
		t.Errorf("three edits led to version %d", v.Version)
	}
}

func TestEveryVersionOfABaselineIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80)
	for _, door := range []string{"22/tcp", "80/tcp"} {
		_, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{Doors: []string{door}, Why: "for " + door, Owner: "ann"})
		w.must(err)
	}
	versions, err := w.engine.BaselineVersions(t.Context(), web1)
	w.must(err)
	if len(versions) != 2 || versions[0].Version != 1 || versions[1].Version != 2 {
		t.Fatalf("the versions are %+v", versions)
	}
	if versions[0].By != "ann" || versions[0].Why != "for 22/tcp" || strings.Contains(versions[0].Text, "port: 80") || !strings.Contains(versions[1].Text, "port: 80") {
		t.Errorf("the versions are %+v", versions)
	}
	_, err = w.engine.BaselineVersions(t.Context(), "nobody")
	w.refused(err, portvigil.CodeNotFound)
}

func TestAnImportJudgesEveryHostByIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22)
	group := "version: 1\ngroup: front\nentries:\n  - port: 80\n    proto: tcp\n    why: shop\n    owner: ann\n"
	list, err := w.engine.ImportBaseline(t.Context(), "ann", []portvigil.BaselineVersion{
		{Kind: docHost, Name: web1, Text: documented}, {Kind: docGroup, Name: "front", Text: group}})
	w.must(err)
	if len(list) != 2 || list[0].Version != 1 || list[0].By != "ann" {
		t.Errorf("imported: %+v", list)
	}
	w.quiet()
	_, err = w.engine.ImportBaseline(t.Context(), "ann", []portvigil.BaselineVersion{
		{Kind: docHost, Name: web1, Text: "version: 1\nhost: web1\n"}, {Kind: docGroup, Name: "front", Text: "entries: ["}})
	w.refused(err, portvigil.CodeInvalid)
	if v := must(w.engine.Baseline(t.Context(), web1)); v.Version != 1 {
		t.Errorf("half of an import that is refused was taken")
	}
}

func TestAnImportOfWhatIsNoBaselineOfThatNameIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, d := range map[string]portvigil.BaselineVersion{
		"of no kind":                      {Kind: "fleet", Name: web1, Text: documented},
		"of a host that none can be":      {Kind: docHost, Name: "../web1", Text: "version: 1\nhost: ../web1\n"},
		"of a group that none can be":     {Kind: docGroup, Name: "..", Text: "version: 1\ngroup: ..\n"},
		"of another host":                 {Kind: docHost, Name: "web2", Text: documented},
		"of a host, written for a group":  {Kind: docHost, Name: "front", Text: "version: 1\ngroup: front\n"},
		"of a host, with one of a second": {Kind: docHost, Name: web1, Text: documented + "---\nversion: 1\nhost: web2\n"},
	} {
		if _, err := w.engine.ImportBaseline(t.Context(), "ann", []portvigil.BaselineVersion{d}); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("one %s: %v, want it refused", name, err)
		}
	}
	if list := must(w.engine.Baselines(t.Context())); len(list) != 0 {
		t.Errorf("taken was %+v", list)
	}
}

func TestApprovingIsRefusedWhereItMakesNoSense(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	why := func(q portvigil.ApproveRequest) portvigil.ApproveRequest {
		q.Why, q.Owner = "because", "ann"
		return q
	}
	for _, c := range []struct {
		name string
		host string
		q    portvigil.ApproveRequest
		code portvigil.Code
	}{
		{"no door", web1, why(portvigil.ApproveRequest{}), portvigil.CodeInvalid},
		{"no door of this world", web1, why(portvigil.ApproveRequest{Doors: []string{"99999/tcp"}}), portvigil.CodeInvalid},
		{"all, and there is none", web1, why(portvigil.ApproveRequest{All: true}), portvigil.CodeConflict},
		{"a date that is over", web1, why(portvigil.ApproveRequest{Doors: []string{"80/tcp"}, Expires: "2026-03-01"}), portvigil.CodeInvalid},
		{"no date", web1, why(portvigil.ApproveRequest{Doors: []string{"80/tcp"}, Expires: "soon"}), portvigil.CodeInvalid},
		{"no reason for one of them", web1, portvigil.ApproveRequest{Doors: []string{"80/tcp", "81/tcp"}, Whys: map[string]string{"80/tcp": "shop"}, Owner: "ann"},
			portvigil.CodeInvalid},
		{"reasons and nobody who owns them", web1, portvigil.ApproveRequest{Doors: []string{"80/tcp"}, Whys: map[string]string{"80/tcp": "shop"}}, portvigil.CodeInvalid},
		{"a reason for what is no door", web1, why(portvigil.ApproveRequest{Doors: []string{"80/tcp"}, Whys: map[string]string{"http": "shop"}}), portvigil.CodeInvalid},
		{"no such host", "web2", why(portvigil.ApproveRequest{Doors: []string{"80/tcp"}}), portvigil.CodeNotFound},
	} {
		_, err := w.engine.Approve(t.Context(), "ann", c.host, c.q)
		if got := portvigil.ErrorCode(err); got != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
	_, err := w.engine.RemoveDoor(t.Context(), "ann", web1, "81/tcp")
	if err == nil {
		t.Error("a door that is not in the baseline was removed from it")
	}
	if v := must(w.engine.Baseline(t.Context(), web1)); v.Version != 1 {
		t.Errorf("version %d", v.Version)
	}
	_, err = w.engine.Baseline(t.Context(), "web2")
	w.refused(err, portvigil.CodeNotFound)
}

func TestDoorsThatAreApprovedTogetherHaveEachItsOwnReasonInOneVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.web(22, 80, 443)
	v, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{Doors: []string{"22/tcp", "80/tcp", "443/tcp"},
		Whys: map[string]string{"22/tcp": "how we come in", "80/tcp": "the shop", "443/tcp": ""}, Why: "asked bob", Owner: "ann"})
	w.must(err)
	docs, err := portvigil.ParseBaseline(web1, []byte(v.Text))
	w.must(err)
	got := []string{v.Why}
	for _, e := range docs[0].Entries {
		got = append(got, e.Ports.String()+" "+e.Why+" "+e.Owner)
	}
	want := []string{"how we come in; the shop; asked bob", "22 how we come in ann", "80 the shop ann", "443 asked bob ann"}
	if diff := cmp.Diff(want, got); diff != "" || v.Version != 1 {
		t.Errorf("version %d (-want +got):\n%s", v.Version, diff)
	}
	w.quiet()
}

func TestAnApprovalPinsWhatIsSeen(t *testing.T) {
	t.Parallel()
	w, _ := raised(t)
	w.report("rep-1", listening(portvigil.TCP, 9100, "/usr/bin/exporter"))
	v, err := w.engine.Approve(t.Context(), "ann", web1,
		portvigil.ApproveRequest{Doors: []string{"9100/tcp"}, Why: "metrics", Owner: "bob", Expires: "2027-06-30"})
	w.must(err)
	docs, err := portvigil.ParseBaseline(web1, []byte(v.Text))
	w.must(err)
	last := docs[0].Entries[len(docs[0].Entries)-1]
	got := []string{last.Ports.String(), string(last.Scope), last.Pin.Exe, last.Expires.String()}
	if diff := cmp.Diff([]string{"9100", "any", "/usr/bin/exporter", "2027-06-30"}, got); diff != "" {
		t.Errorf("the entry (-want +got):\n%s", diff)
	}
}

func TestAMissingDoorCannotBeExpected(t *testing.T) {
	t.Parallel()
	w := explained(t, 22)
	w.out.set(home4)
	w.look()
	w.run(portvigil.MissingApart * 2)
	a := w.only()
	_, err := w.engine.Resolve(t.Context(), "ann", a.ID,
		portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "because", Owner: "ann"})
	w.refused(err, portvigil.CodeConflict)
	_, err = w.engine.RemoveDoor(t.Context(), "ann", web1, "22/tcp")
	w.must(err)
	w.quiet()
}
