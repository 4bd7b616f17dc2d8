package lab_test

import (
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"github.com/portvigil/portvigil"
)

// count asks the story's database for one number, past the program.
func (s *story) count(query string, args ...any) (n int) {
	s.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "portvigil.db")+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// quiet waits until nothing is left to do that was due when it began.
func (s *story) quiet() {
	s.t.Helper()
	began := time.Now()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	for {
		queued := s.count(`SELECT count(*) FROM deliveries WHERE state = 'queued'`)
		due := s.count(`SELECT count(*) FROM requests WHERE state IN ('wanted', 'running') AND due <= ?`, began.UnixMicro())
		if queued == 0 && due == 0 {
			return
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("%d messages and %d looks are stuck:\n%s", queued, due, s.server.Output())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sound checks what the database says of itself.
func (s *story) sound() {
	s.t.Helper()
	for what, query := range map[string]string{
		"rows that point nowhere":           `SELECT count(*) FROM pragma_foreign_key_check`,
		"complaints of the integrity check": `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
		"messages in doubt":                 `SELECT count(*) FROM deliveries WHERE state <> 'sent'`,
		"messages that exist twice": `SELECT count(*) FROM (SELECT 1 FROM deliveries
			GROUP BY alert, channel, body ->> '$.event', body ->> '$.created' HAVING count(*) > 1)`,
		"looks that no finished request asked for": `SELECT count(*) FROM looks WHERE view = 'outside'
			AND run NOT IN (SELECT body ->> '$.run' FROM requests WHERE state IN ('done', 'failed'))`,
	} {
		if n := s.count(query); n != 0 {
			s.t.Errorf("the database has %d %s", n, what)
		}
	}
}

// has checks that every report that was taken is there, once.
func (s *story) has(t *testing.T, reports []string) {
	t.Helper()
	for _, id := range reports {
		if n := s.count(`SELECT count(*) FROM looks WHERE body ->> '$.id' = ? AND view = ?`, id, string(portvigil.Inside)); n != 1 {
			t.Errorf("report %s was taken and is in the history %d times, want once", id, n)
		}
	}
}

// judge says how the story ended.
func (s *killStory) judge() {
	s.t.Helper()
	repeated := s.expected.check(s.story, s.killed)
	s.sound()
	s.has(s.t, s.taken)
	looks := s.count(`SELECT count(*) FROM looks WHERE view = 'outside'`)
	again := looks - s.count(`SELECT count(*) FROM (SELECT DISTINCT run, address, proto FROM looks WHERE view = 'outside')`)
	s.t.Logf("%d kills; %d doors, %d changes told over three channels, %d repetitions, each after a kill and under its own id; "+
		"%d reports taken, %d commands run again; %d outside looks, %d of them re-done", len(s.killed), len(s.expected),
		s.expected.messages(), repeated, len(s.taken), s.refused, looks, again)
}
