package portvigil

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAnAlertIsFoundByItsWords(t *testing.T) {
	t.Parallel()
	a := Alert{Kind: Kind(UnexpectedExposed), Host: "web1", Text: "MongoDB answers on web1", Proto: TCP, Port: 27017,
		Service: &Service{Name: "mongodb", Product: "Mongo\x00DB\xff", Version: "4.2"}, Process: &Process{Exe: "/usr/bin/mongod", User: "mongo"}}
	for text, want := range map[string]bool{
		"": true, "mongodb": true, "MONGODB 27017/tcp": true, "web1 4.2": true, "usr/bin/mongod": true, "mongo web2": false, "%": false, "_": false, "\x00": true, "\x01": false, `mongo\x00`: true,
	} {
		if got := (AlertFilter{Text: text}).Matches(&a); got != want {
			t.Errorf("%q matches %v, want %v", text, got, want)
		}
	}
	a.Service.Product = strings.Repeat("\x00ä", 1<<20)
	if got := len(a.Words()); got > 16*longestWords {
		t.Errorf("a hostile service leaves %d bytes of words", got)
	}
}

func TestAPageOfAlertsIsAPartOfThemAll(t *testing.T) {
	t.Parallel()
	all := []Alert{
		{ID: "a", State: AlertNew, Severity: Low, Opened: pastAt(1), Changed: pastAt(9)},
		{ID: "b", State: AlertNew, Severity: Critical, Opened: pastAt(2), Changed: pastAt(3)},
		{ID: "c", State: AlertResolved, Severity: High, Opened: pastAt(3), Changed: pastAt(4), Resolution: &Resolution{Kind: ResolvedCleared, By: System}},
		{ID: "d", State: AlertResolved, Severity: High, Opened: pastAt(4), Changed: pastAt(5), Resolution: &Resolution{Kind: ResolvedShut, By: "ann"}},
	}
	for name, test := range map[string]struct {
		filter AlertFilter
		want   string
		total  int
	}{
		"all, the newest change first":         {AlertFilter{}, "adcb", 4},
		"a page of them":                       {AlertFilter{Limit: 2, Offset: 1}, "dc", 4},
		"beyond the last":                      {AlertFilter{Limit: 2, Offset: 9}, "", 4},
		"the worst first":                      {AlertFilter{Order: BySeverity}, "bdca", 4},
		"the last opened first":                {AlertFilter{Order: ByOpened}, "dcba", 4},
		"open, or to be noted":                 {AlertFilter{Attention: true}, "acb", 3},
		"of one severity":                      {AlertFilter{Severities: []Severity{Low}}, "a", 1},
		"of two states":                        {AlertFilter{States: []AlertState{AlertNew, AlertResolved}}, "adcb", 4},
		"changed since":                        {AlertFilter{ChangedSince: pastAt(5)}, "ad", 2},
		"opened since, of these what is noted": {AlertFilter{OpenedSince: pastAt(3), Attention: true}, "c", 1},
	} {
		page, total := test.filter.Page(all)
		got := ""
		for _, a := range page {
			got += a.ID
		}
		if diff := cmp.Diff(test.want, got); diff != "" || total != test.total {
			t.Errorf("%s: %d in all, want %d (-want +got):\n%s", name, total, test.total, diff)
		}
	}
}
