package store

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

func testPostgreSQLRefuses(t *testing.T, server *lab.Postgres, template string) {
	t.Parallel()
	with := func(statements string) func(t *testing.T) string {
		return func(t *testing.T) string {
			database := server.Database(t, template)
			server.SQL(t, nameIn(t, database), statements)
			return database
		}
	}
	for name, test := range map[string]struct {
		database func(t *testing.T) string
		code     portvigil.Code
		says     string
	}{
		"a database of a newer version": {with("INSERT INTO portvigil_version (version_id, is_applied) VALUES (99, TRUE)"),
			portvigil.CodeConflict, "newer portvigil"},
		"job tables of a newer version": {with("INSERT INTO river_migration (line, version) VALUES ('main', 99)"),
			portvigil.CodeConflict, "newer portvigil"},
		"another program's database": {with("DROP TABLE portvigil_version"), portvigil.CodeInvalid, "another program's tables"},
		"a database that is not there": {func(*testing.T) string { return server.URL("postgres", "nowhere") },
			portvigil.CodeUnavailable, "is not there"},
		"a user without a password": {func(t *testing.T) string {
			return server.URL(lab.LockedRole, nameIn(t, server.Database(t, "")))
		}, portvigil.CodeUnavailable, "does not let user " + lab.LockedRole + " in"},
		"a password that is wrong": {func(t *testing.T) string {
			return strings.Replace(server.URL(lab.LockedRole, nameIn(t, server.Database(t, ""))), "@", ":hunter2@", 1)
		}, portvigil.CodeUnavailable, "does not let user " + lab.LockedRole + " in"},
		"a user who may make no tables": {func(t *testing.T) string {
			database := server.Database(t, "")
			server.SQL(t, nameIn(t, database), "DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
			return server.URL("guest", nameIn(t, database))
		}, portvigil.CodeUnavailable, "denies user guest"},
		"a folder without a server": {func(t *testing.T) string { return "postgres:///db?host=" + url.QueryEscape(t.TempDir()) },
			portvigil.CodeUnavailable, "does not answer"},
		"a text that is no URL": {func(*testing.T) string { return "postgres://ann:hunter2@host:port/db" },
			portvigil.CodeInvalid, "no PostgreSQL URL"},
		"a database that reads only": {func(t *testing.T) string {
			database := server.Database(t, template)
			server.SQL(t, "postgres", "ALTER DATABASE "+nameIn(t, database)+" SET default_transaction_read_only = on")
			return database
		}, portvigil.CodeUnavailable, "is read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Open(t.Context(), t.TempDir(), Options{Database: test.database(t)})
			is(t, err, test.code)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want one line with %q and no password", err, test.says)
			}
		})
	}
	t.Run("a second server, until the first has ended", func(t *testing.T) {
		t.Parallel()
		database := server.Database(t, template)
		first, err := Open(t.Context(), t.TempDir(), Options{Database: database})
		if err != nil {
			t.Fatal(err)
		}
		_, err = Open(t.Context(), t.TempDir(), Options{Database: database})
		is(t, err, portvigil.CodeConflict)
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		openWith(t, t.TempDir(), Options{Database: database})
	})
}

// nameIn is the database's name in its URL.
func nameIn(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// raise adds one to a setting, so that an update that is lost or made twice shows.
func raise(tx *Tx) error {
	text, err := tx.Setting("counter")
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(text) // "" is 0
	return tx.PutSetting("counter", strconv.Itoa(n+1))
}

func counted(t *testing.T, s *Store) (n int) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		text, err := tx.Setting("counter")
		n, _ = strconv.Atoi(text)
		return err
	})
	return n
}

// testCuts cuts at moments that nobody chose, the middle of a commit among them.
func testCuts(t *testing.T, server *lab.Postgres, template string) {
	t.Parallel()
	s := openWith(t, t.TempDir(), Options{Database: server.Database(t, template)})
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	made := 0
	writer.Go(func() {
		for ctx.Err() == nil {
			if err := s.Update(t.Context(), raise); err != nil {
				t.Errorf("Update: %v", err)
				return
			}
			made++
		}
	})
	const cuts = 10
	for range cuts {
		cutOff(t, server, databaseOf(s))
	}
	cancel()
	writer.Wait()
	if n := counted(t, s); n != made || made == 0 {
		t.Errorf("%d updates said that they were made, and %d were", made, n)
	}
	t.Logf("%d updates, %d cuts", made, cuts)
}

func TestPostgreSQLThatIsStartedAnewLosesNothing(t *testing.T) {
	t.Parallel()
	server := lab.StartPostgres(t, lab.NoSync)
	s, d := openWith(t, t.TempDir(), Options{Database: server.Database(t, "")}), newDesk()
	work(t, s, d.workers())
	for i, end := range []func(){server.Stop, server.Kill} {
		before, after := delivery("a", i), delivery("a", 10+i)
		add(t, s, before)
		c := next(t, d.deliver)
		end() // in the middle of a message
		c.answer <- RetryAfter(0, errors.New("no answer"))
		added := make(chan error, 1)
		go func() {
			added <- s.Update(context.Background(), func(tx *Tx) error { return tx.AddDelivery(after) })
		}()
		server.Start(t)
		if err := <-added; err != nil {
			t.Fatalf("an update over the restart: %v", err)
		}
		got := map[string]bool{}
		for len(got) < 2 {
			c := next(t, d.deliver)
			got[c.id] = true
			c.answer <- nil
		}
		if !got[before.ID] || !got[after.ID] {
			t.Errorf("got %v, want %s and %s", got, before.ID, after.ID)
		}
	}
	// Where the crash took the note that a job had ended, it is worked once more.
	go func() {
		for {
			select {
			case c := <-d.deliver:
				c.answer <- nil
			case <-t.Context().Done():
				return
			}
		}
	}()
	if states := finished(t, s, deliverKind); len(states) != 4 {
		t.Errorf("got %v, want four jobs that ended", states)
	}
	staysAway(t, server)
}

// staysAway is the last thing that is done to a server: each costs seconds.
func staysAway(t *testing.T, server *lab.Postgres) {
	t.Helper()
	s := openWith(t, t.TempDir(), Options{Database: server.Database(t, "")})
	update(t, s, raise)
	server.Stop()
	begun := time.Now()
	is(t, s.Update(t.Context(), raise), portvigil.CodeUnavailable)
	if waited := time.Since(begun); waited < 5*time.Second {
		t.Errorf("gave up after %s, which is less than a restart may take", waited)
	}
	server.Start(t)
	update(t, s, raise)
	if n := counted(t, s); n != 2 {
		t.Errorf("got %d, want 2", n)
	}
}

func testOrderOfText(t *testing.T, server *lab.Postgres, _ string) {
	t.Parallel()
	server.SQL(t, "postgres", "CREATE DATABASE german TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'")
	s := openWith(t, t.TempDir(), Options{Database: server.URL("postgres", "german")})
	for _, name := range []string{"a", "B", "ä", "b", "A"} {
		addHost(t, s, name)
	}
	view(t, s, func(tx *Tx) error {
		all, err := tx.Hosts()
		var names string
		for _, h := range all {
			names += h.Name
		}
		if names != "ABabä" {
			t.Errorf("got %s, want %s", names, "ABabä")
		}
		return err
	})
}
