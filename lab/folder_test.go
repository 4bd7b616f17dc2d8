package lab_test

import (
	"database/sql"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
	_ "modernc.org/sqlite"             // registers the driver "sqlite"

	"github.com/portvigil/portvigil"
)

// count asks the story's database for one number, past the program. Both databases
// understand the query alike, but for FIELD(name), a field of the row's body.
func (s *story) count(query string, args ...any) (n int) {
	s.t.Helper()
	driver, source, field := "sqlite", "file:"+filepath.Join(s.data, "portvigil.db")+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)", "(body ->> '$1')"
	if s.database != "" {
		driver, source, field = "pgx", s.database, "(body::json ->> '$1')"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	query = fieldOf.ReplaceAllString(query, field)
	if err := db.QueryRow(query, args...).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

var fieldOf = regexp.MustCompile(`FIELD\((\w+)\)`)

// quiet waits until nothing is left to do that was due when it began, which it
// returns. What becomes due later may be under way when the server is stopped.
func (s *story) quiet() (began time.Time) {
	s.t.Helper()
	began = time.Now()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	for {
		queued := s.count(`SELECT count(*) FROM deliveries WHERE state = 'queued'`)
		due := s.count(`SELECT count(*) FROM requests WHERE state IN ('wanted', 'running') AND due <= $1`, began.UnixMicro())
		if queued == 0 && due == 0 {
			return began
		}
		select {
		case <-deadline.C:
			s.t.Fatalf("%d messages and %d looks are stuck:\n%s", queued, due, s.server.Output())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sound checks what the database says of itself after the server was stopped. A look
// whose request became due after the story was quiet may be there before its
// request is marked as done; the next start makes it again.
func (s *story) sound(quiet time.Time) {
	s.t.Helper()
	queries := map[string]string{
		"messages in doubt": `SELECT count(*) FROM deliveries WHERE state <> 'sent'`,
		"messages that exist twice": `SELECT count(*) FROM (SELECT 1 FROM deliveries
			GROUP BY alert, channel, FIELD(event), FIELD(created) HAVING count(*) > 1) AS twice`,
		"looks that no finished request asked for": `SELECT count(*) FROM looks WHERE view = 'outside'
			AND run NOT IN (SELECT FIELD(run) FROM requests WHERE state IN ('done', 'failed') OR due > ` + strconv.FormatInt(quiet.UnixMicro(), 10) + `)`,
	}
	if s.database == "" {
		queries["rows that point nowhere"] = `SELECT count(*) FROM pragma_foreign_key_check`
		queries["complaints of the integrity check"] = `SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'`
	}
	for what, query := range queries {
		if n := s.count(query); n != 0 {
			s.t.Errorf("the database has %d %s", n, what)
		}
	}
}

// has checks that every report that was taken is there, once.
func (s *story) has(t *testing.T, reports []string) {
	t.Helper()
	for _, id := range reports {
		if n := s.count(`SELECT count(*) FROM looks WHERE id = $1 AND view = $2`, id, string(portvigil.Inside)); n != 1 {
			t.Errorf("report %s was taken and is in the history %d times, want once", id, n)
		}
	}
}

// judge says how the story ended, which was quiet at that time.
func (s *killStory) judge(quiet time.Time) {
	s.t.Helper()
	repeated := s.expected.check(s.story, s.deaths)
	s.sound(quiet)
	s.has(s.t, s.taken)
	looks := s.count(`SELECT count(*) FROM looks WHERE view = 'outside'`)
	again := looks - s.count(`SELECT count(*) FROM (SELECT DISTINCT run, address, proto FROM looks WHERE view = 'outside') AS looks`)
	s.t.Logf("%d kills (%d of all processes, %d of the core, %d of the scanner, %d of inside); %d doors, %d changes told over three channels, %d repetitions, each after a kill and under its own id; "+
		"%d reports taken, %d commands run again; %d outside looks, %d of them re-done", len(s.killed), s.victims[whole], s.victims["core"], s.victims["scanner"], s.victims["inside"], len(s.expected),
		s.expected.messages(), repeated, len(s.taken), s.refused, looks, again)
}
