package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Postgres is a PostgreSQL server of a test's own. It listens on a unix socket
// in its data's folder and nowhere else, and is gone when the test ends.
type Postgres struct {
	dir       string // with the socket, the data and nothing else
	owner     *syscall.Credential
	settings  []string // name=value
	process   *Process
	databases atomic.Int32
}

// LockedRole is a user whom the server asks for LockedPassword; all others come
// in by their name.
const (
	LockedRole     = "locked"
	LockedPassword = "open sesame"
)

// NoSync is a setting under which what was committed outlives the server, but not
// the machine: enough where a test ends processes only, and far faster.
const NoSync = "fsync=off"

// StartPostgres starts Debian's PostgreSQL with an empty set of databases and
// those settings, each as name=value. It needs no network namespace, and no
// root: as root it runs as Debian's user postgres, or nobody, because PostgreSQL
// refuses root.
func StartPostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	Require(t, "postgres", "initdb")
	Sweep()
	// Not t.TempDir, which only its maker can enter, and whose path with a test's
	// name in it is longer than a socket's may be.
	dir, err := os.MkdirTemp("", fmt.Sprintf("pvlab-%d-pg-", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove PostgreSQL's files: %v", err)
		}
	})
	// Programs of other users come to its socket.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &Postgres{dir: dir, owner: postgresOwner(t), settings: settings}
	if p.owner != nil {
		if err := os.Chown(dir, int(p.owner.Uid), int(p.owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	// --no-sync: what initdb writes need not outlive the machine.
	p.run(t, "initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "-D", p.data())
	access := "local all " + LockedRole + " scram-sha-256\nlocal all all trust\n"
	if err := os.WriteFile(filepath.Join(p.data(), "pg_hba.conf"), []byte(access), 0o600); err != nil {
		t.Fatal(err)
	}
	p.Start(t)
	p.SQL(t, "postgres", "CREATE ROLE "+LockedRole+" LOGIN PASSWORD '"+LockedPassword+"'")
	return p
}

// postgresOwner is whom the server runs as: nil for the caller, who is not root.
func postgresOwner(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err, err2) == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Skip("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
	return nil
}

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

func (p *Postgres) command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.owner}
	return cmd
}

func (p *Postgres) run(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := p.command(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// Start starts the server, which StartPostgres has done already, and waits until
// it takes connections.
func (p *Postgres) Start(t testing.TB) {
	t.Helper()
	// What a killed server left says that it runs, to the next one as well where
	// its number has been given away again.
	if err := os.Remove(filepath.Join(p.data(), "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	args := []string{"-D", p.data(), "-k", p.dir}
	for _, setting := range append([]string{"listen_addresses=", "max_connections=200", "shared_buffers=16MB",
		// Files of the data folder instead of /dev/shm, where a killed one leaves them.
		"dynamic_shared_memory_type=mmap"}, p.settings...) {
		args = append(args, "-c", setting)
	}
	cmd := p.command(t, "postgres", args...)
	p.process = start(t, cmd, "postgres")
	t.Cleanup(func() { p.Kill() })
	p.process.WaitOutput(t, "database system is ready to accept connections")
}

// Stop ends the server as an administrator in a hurry would (SIGINT, "fast"):
// transactions are rolled back, connections cut.
func (p *Postgres) Stop() {
	p.process.Signal(syscall.SIGINT)
	<-p.process.Done()
}

// Kill ends the server as a crash would (SIGQUIT, "immediate"): the next start
// recovers from its log.
func (p *Postgres) Kill() {
	p.process.Signal(syscall.SIGQUIT)
	<-p.process.Done()
}

// Database makes a database and returns its URL. It is empty, or a copy of the
// database of that name.
func (p *Postgres) Database(t testing.TB, template string) string {
	t.Helper()
	name := "db" + strconv.Itoa(int(p.databases.Add(1)))
	if template == "" {
		template = "template1"
	}
	p.SQL(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template)
	return p.URL("postgres", name)
}

// URL is where a user finds a database.
func (p *Postgres) URL(user, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database, RawQuery: url.Values{"host": {p.dir}}.Encode()}
	return u.String()
}

// SQL runs statements as the superuser, each in a transaction of its own where
// there is no other. It is spoken without psql, which Debian wraps in a script
// that takes longer than most statements.
func (p *Postgres) SQL(t testing.TB, database string, statements ...string) {
	t.Helper()
	// Not the test's own context: clean-up comes here after that has ended.
	ctx := context.Background()
	c, err := pgconn.Connect(ctx, p.URL("postgres", database))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		_, err = c.Exec(ctx, statement).ReadAll()
		if err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}
