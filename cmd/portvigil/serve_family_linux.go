package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// child is one process of the server over its lives, as the parent has it.
type child struct {
	name     string
	wasReady bool // it has been ready once
	restarts int
	failures int  // since it last ran for a while
	due      bool // to be started when there is a core

	// Of this life:
	cmd     *exec.Cmd // nil while it does not run
	control *net.UnixConn
	began   time.Time
	gone    chan struct{} // closed when it was waited for
}

// start starts the program that runs now once more, whatever has happened to
// its file, as the child.
func (c *child) start(p *parent, control, payload *os.File) error {
	args := []string{"process", c.name}
	if c == p.core {
		args = append(args, p.app.args...)
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = childEnvironment(c.name, p.begin.Data)
	cmd.Stdout, cmd.Stderr = p.app.stdout, p.app.stderr
	cmd.ExtraFiles = []*os.File{control, payload}
	if err := p.rights.start(cmd, c.name); err != nil {
		return fmt.Errorf("start the process %s: %w", c.name, err)
	}
	c.cmd, c.began, c.due, c.gone = cmd, time.Now(), false, make(chan struct{})
	return nil
}

// exited reports whether the child ended by itself, with a code.
func (c *child) exited() bool { return c.cmd.ProcessState.Exited() }

// outcome is how the child ended; what there was to say it has said.
func (c *child) outcome() error {
	if state := c.cmd.ProcessState; state == nil || !state.Success() {
		return &outcome{code: exitFailed}
	}
	return nil
}

// A child that ends is started again after a tenth of a second, then after twice
// as long each time, up to half a minute; one that ran for a minute begins anew.
const (
	firstBackOff = 100 * time.Millisecond
	lastBackOff  = 30 * time.Second
	ranWell      = time.Minute
)

// backOff returns how long to wait until the next life.
func (c *child) backOff() time.Duration {
	if time.Since(c.began) >= ranWell {
		c.failures = 0
	}
	wait := min(firstBackOff<<min(c.failures, 16), lastBackOff)
	c.failures++
	return wait
}

const (
	// silentFor is how long no beat may come, twice in a row: the parent itself
	// may have been stopped for a while, and then it hears nothing at first.
	silentFor = 10 * time.Second
	// beginsWithin is how long the core may take to its first beat: a large
	// database is migrated before.
	beginsWithin = 15 * time.Minute
)

// watch waits for the child's end, and kills it where it does not beat.
func (p *parent) watch(c *child) {
	cmd, control, gone := c.cmd, c.control, c.gone
	p.work.Go(func() {
		_ = cmd.Wait() // what matters of it is in ProcessState
		close(gone)
		control.Close()
		p.tell(c, childEnded)
	})
	within := silentFor
	if c == p.core {
		within = beginsWithin
	}
	p.work.Go(func() {
		beat := make([]byte, 1)
		for silent, ready := 0, false; ; {
			_ = control.SetReadDeadline(time.Now().Add(within)) // the read fails where this does
			_, err := control.Read(beat)
			switch {
			case err == nil:
				silent = 0
				if !ready {
					ready, within = true, silentFor
					p.tell(c, childReady)
				}
			case !errors.Is(err, os.ErrDeadlineExceeded):
				return // it has ended, or is about to
			default:
				if silent++; silent == 2 {
					p.log.Error("a process of the server hangs and is killed", "killed", c.name)
					if err := cmd.Process.Kill(); err != nil {
						p.log.Error("it cannot be killed", "err", err)
					}
					return
				}
			}
		}
	})
}

// environments are the variables that a child gets, where they are set: what the
// Go runtime and its resolver listen to, and for the core what the database, TLS
// and proxies do. Nothing else of who started the server is known to them.
var environments = map[string]string{
	processCore: goVariables + " PG* SSL_CERT_FILE SSL_CERT_DIR HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy " +
		"HOME TZ ZONEINFO LOCALDOMAIN RES_OPTIONS",
	processInside:  goVariables,
	processScanner: goVariables + " LOCALDOMAIN RES_OPTIONS",
}

const goVariables = "GODEBUG GOGC GOMAXPROCS GOMEMLIMIT GOTRACEBACK GOCOVERDIR"

// childEnvironment returns what a child gets to know of the environment.
func childEnvironment(process, data string) []string {
	env := []string{"SQLITE_TMPDIR=" + data} // else it looks for a folder of its own, which the core may not write to
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		for _, wanted := range strings.Fields(environments[process]) {
			prefix, open := strings.CutSuffix(wanted, "*")
			if name == wanted || open && strings.HasPrefix(name, prefix) {
				env = append(env, pair)
			}
		}
	}
	return env
}
