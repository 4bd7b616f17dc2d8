package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"

	"github.com/portvigil/portvigil"
)

//go:embed migrations/postgres/*.sql
var postgresMigrations embed.FS

const (
	// versionTable is goose's under a name that no other program uses.
	versionTable = "portvigil_version"
	// serverLock is the advisory lock by which one server at a time has a schema;
	// its second half is the schema's own number. "PVgl".
	serverLock = 0x5056676c
	// poolSize is how many connections read and work jobs beside the one that
	// writes; PostgreSQL allows 100 in all where nobody said otherwise.
	poolSize       = 8
	connectTimeout = 5 * time.Second
)

// postgres is the engine of a PostgreSQL database, version 13 or newer.
type postgres struct{ config *pgx.ConnConfig }

// newPostgres reads the database's name. Its errors never repeat it, since it
// may hold a password.
func newPostgres(database string) (*postgres, error) {
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "the name of the database is no PostgreSQL URL").
			WithHint("write it as postgres://USER@HOST/DATABASE, or postgres:///DATABASE?host=/run/postgresql")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{
		"application_name": "portvigil",
		"timezone":         "UTC",
		// What a commit said is on disk, whatever the server's setting.
		"synchronous_commit": "on",
		"lock_timeout":       busyTimeout,
		// The server lets go of a client whose network is gone, and of its lock,
		// after 30 s instead of two hours.
		"tcp_keepalives_idle":     "15",
		"tcp_keepalives_interval": "5",
		"tcp_keepalives_count":    "3",
	} {
		config.RuntimeParams[name] = value
	}
	return &postgres{config}, nil
}

func (p *postgres) name() string {
	return "PostgreSQL database " + portvigil.Printable(p.config.Database) + " at " + portvigil.Printable(p.config.Host)
}

func (p *postgres) open(ctx context.Context, s *Store) (exists bool, err error) {
	s.writer = stdlib.OpenDB(*p.config, stdlib.OptionAfterConnect(p.claim))
	s.writer.SetMaxOpenConns(1)
	s.writer.SetMaxIdleConns(1)
	// What these commit is how far a job is, which is found out again where the
	// machine dies: only what the writer commits is waited for.
	readers := p.config.Copy()
	readers.RuntimeParams["synchronous_commit"] = "off"
	s.readers = stdlib.OpenDB(*readers)
	s.readers.SetMaxOpenConns(poolSize)
	s.readers.SetMaxIdleConns(poolSize)
	return true, s.writer.PingContext(ctx)
}

// claim takes the schema for this process, on the connection that writes: who
// writes holds the lock, and it goes with the connection however that ends. One
// made in place of a lost one waits until the server has noticed the loss.
func (p *postgres) claim(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, `SELECT pg_advisory_lock($1, current_schema()::regnamespace::oid::int)`, serverLock)
	if stateOf(err) == lockNotAvailable {
		return portvigil.Errorf(portvigil.CodeConflict, "another portvigil server uses the %s", p.name()).
			WithHint("stop it, or name another database with --database")
	}
	return err
}

func (p *postgres) checkOurs(ctx context.Context, db *sql.DB) error {
	var tables int
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')`).Scan(&tables)
	if err != nil || tables == 0 {
		return err
	}
	ours, err := p.hasTable(ctx, db, versionTable)
	if err == nil && !ours {
		return portvigil.Errorf(portvigil.CodeInvalid, "the %s holds another program's tables", p.name()).
			WithHint("make one of its own: createdb portvigil, and name it with --database")
	}
	return err
}

func (p *postgres) migrations(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(postgresMigrations, "migrations/postgres")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files, goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
}

func (p *postgres) hasTable(ctx context.Context, db *sql.DB, name string) (there bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relname = $1)`, name).Scan(&there)
	return there, err
}

// save keeps a backup: whoever made the database may have none.
func (p *postgres) save(ctx context.Context, s *Store, version int64) error {
	err := s.backupTo(ctx, filepath.Join(s.dir, fmt.Sprintf("postgres.bak-%d", version)))
	// The connections that read the tables keep what they asked prepared, and
	// PostgreSQL refuses to run that once a table has other columns.
	s.readers.SetMaxIdleConns(-1)
	s.readers.SetMaxIdleConns(poolSize)
	return err
}

func (p *postgres) kind() string { return "postgres" }

func (p *postgres) versionTable() string { return versionTable }

func (p *postgres) tables(ctx context.Context, tx *sql.Tx) ([]string, error) {
	return names(ctx, tx, `SELECT relname::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
		AND relname <> '`+versionTable+`' AND relname NOT LIKE 'river%' ORDER BY relname <> 'hosts', relname`)
}

// giveBack: autovacuum makes the space free for new rows.
func (p *postgres) giveBack(context.Context, *Store) error { return nil }

func (p *postgres) size(ctx context.Context, db *sql.DB) (bytes int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&bytes)
	return bytes, err
}

func (p *postgres) jobs(pool *sql.DB) riverdriver.Driver[*sql.Tx] { return riverdatabasesql.New(pool) }

func (p *postgres) workers(s *Store) *sql.DB { return s.readers }

// statement numbers the placeholders; no text in our queries has a question
// mark. Columns take text that PostgreSQL takes: it knows no zero byte and only
// valid UTF-8, and rows are found by what was made of it on the way in.
func (p *postgres) statement(query string, args []any) (string, []any) {
	var b strings.Builder
	for n := 1; ; n++ {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			break
		}
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
	clean := make([]any, len(args))
	for i, arg := range args {
		if text, ok := arg.(string); ok {
			arg = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
		}
		clean[i] = arg
	}
	return b.String(), clean
}

func (p *postgres) snapshot() *sql.TxOptions {
	return &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
}
