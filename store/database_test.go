package store

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/portvigil/portvigil/lab"
)

// database makes the stores of one kind of database that the suites run on.
type database struct {
	// open makes an empty store, closed when the test ends.
	open func(t *testing.T, o Options) *Store
	// crash opens what is left of a running store when its machine loses power.
	crash func(t *testing.T, s *Store) *Store
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	db := database{
		open:  func(t *testing.T, o Options) *Store { return openWith(t, t.TempDir(), o) },
		crash: func(t *testing.T, s *Store) *Store { return openIn(t, crashImage(t, s.dir)) },
	}
	suite(t, db)
	workSuite(t, db)
	upgradeSuite(t, firstSQLite())
	t.Run("a backup restores all", func(t *testing.T) {
		t.Parallel()
		testBackup(t, db, map[string]func(*testing.T) string{"into SQLite": inFolder})
	})
}

// inFolder names the database of the data folder.
func inFolder(*testing.T) string { return "" }

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	server := lab.StartPostgres(t, lab.NoSync)
	template := migrated(t, server)
	spares := &spareDatabases{server: server, template: template}
	db := database{
		open: func(t *testing.T, o Options) *Store {
			o.Database = spares.take(t)
			return openWith(t, t.TempDir(), o)
		},
		crash: func(t *testing.T, s *Store) *Store {
			dir := t.TempDir()
			key, err := os.ReadFile(filepath.Join(s.dir, keyFile))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, keyFile), key, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			// A database is copied while nobody is in it: what was in the middle of
			// something is cut off, and has to wait outside.
			name := databaseOf(s)
			server.SQL(t, "postgres", "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false")
			cutOff(t, server, name)
			image := server.Database(t, name)
			server.SQL(t, "postgres", "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true")
			return openWith(t, dir, Options{Database: image})
		},
	}
	suite(t, db)
	workSuite(t, db)
	upgradeSuite(t, firstPostgreSQL(server))
	into := map[string]func(*testing.T) string{"into SQLite": inFolder,
		"into an empty PostgreSQL":      func(t *testing.T) string { return server.Database(t, "") },
		"into a PostgreSQL that served": func(t *testing.T) string { return server.Database(t, template) }}
	t.Run("a backup restores all", func(t *testing.T) {
		t.Parallel()
		testBackup(t, db, into)
	})
	t.Run("a backup of SQLite restores all", func(t *testing.T) {
		t.Parallel()
		testBackup(t, database{open: func(t *testing.T, o Options) *Store { return openWith(t, t.TempDir(), o) }}, into)
	})
	for name, test := range map[string]func(*testing.T, *lab.Postgres, string){
		"refuses":                                testPostgreSQLRefuses,
		"loses nothing when connections are cut": testCuts,
		"orders text as SQLite does":             testOrderOfText,
		"grows little while nothing changes":     testGrowthOfPostgreSQL,
	} {
		t.Run(name, func(t *testing.T) { test(t, server, template) })
	}
}

// spareDatabases gives each test an empty database of this version. Making one
// takes PostgreSQL longer than most tests need it for, so the database of a test
// that has ended is emptied for the next.
type spareDatabases struct {
	server   *lab.Postgres
	template string

	mu   sync.Mutex
	free []string // guarded by mu
}

// take returns the URL of a database that is the test's until it ends.
func (d *spareDatabases) take(t *testing.T) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var url string
	if n := len(d.free); n > 0 {
		url, d.free = d.free[n-1], d.free[:n-1]
	} else {
		url = d.server.Database(t, d.template)
	}
	// Runs after the clean-up that the test asks for later: its store is closed.
	t.Cleanup(func() {
		name := nameIn(t, url)
		cutOff(t, d.server, name)
		d.server.SQL(t, name, emptied)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.free = append(d.free, url)
	})
	return url
}

// emptied deletes every row but those that say which version the tables have.
const emptied = `DO $$
DECLARE name regclass;
BEGIN
	FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
		AND relname NOT IN ('portvigil_version', 'river_migration') ORDER BY relname = 'hosts' DESC
	LOOP
		EXECUTE 'DELETE FROM ' || name;
	END LOOP;
END $$`

// migrated makes a database of this version without a row, to be copied: that
// is faster than migrating each.
func migrated(t *testing.T, server *lab.Postgres) string {
	t.Helper()
	s, err := Open(t.Context(), t.TempDir(), Options{Database: server.Database(t, "")})
	if err != nil {
		t.Fatal(err)
	}
	name := databaseOf(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	cutOff(t, server, name) // a connection that was closed may be there for a moment more
	return name
}

func databaseOf(s *Store) string { return s.engine.(*postgres).config.Database }

// cutOff ends every connection to a database, and waits until they have ended.
func cutOff(t *testing.T, server *lab.Postgres, name string) {
	t.Helper()
	server.SQL(t, "postgres", "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '"+name+"'")
}
