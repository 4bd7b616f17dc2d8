package store

import (
	"database/sql"
	"net/url"
	"runtime"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// busyTimeout is how long SQLite waits, in milliseconds, for a lock of another
// program (a backup tool, the sqlite3 shell) before an error is told.
const busyTimeout = "5000"

// openWriter opens the one connection that writes. Transactions are immediate:
// they take the write lock when they begin, so that none fails half-way. It is
// also River's, whose documentation asks for a pool of one.
func openWriter(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dataSource(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(" + busyTimeout + ")", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
			// 64 MiB is what a long reader may leave of the log before it is cut back.
			"journal_size_limit(67108864)"},
	}))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db, nil
}

// openReaders opens the pool that reads beside the writer.
func openReaders(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dataSource(path, url.Values{
		"_pragma": {"busy_timeout(" + busyTimeout + ")", "query_only(1)"},
	}))
	if err != nil {
		return nil, err
	}
	pool := max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(pool)
	db.SetMaxIdleConns(pool)
	return db, nil
}

// dataSource writes the path as a URI, so that a "?" or "%" in it is no parameter.
func dataSource(path string, parameters url.Values) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}
	return u.String()
}
