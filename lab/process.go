package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// patience is how long a daemon may take until it listens, or ends after it was
// told to. MariaDB, the slowest, needs a second alone and many beside a
// compiler on two cores.
const patience = time.Minute

// Process is a program that runs on a host until it is stopped, or the test
// ends. It dies with the test process, however that goes.
type Process struct {
	PID int

	name   string
	cmd    *exec.Cmd
	output output
	done   chan struct{} // closed when it has ended and was waited for
	err    error         // how it ended; valid once done is closed
}

// Start starts a program on the host and returns at once. What it prints is
// kept for Output, and told when it ends before it listens.
func (h *Host) Start(t testing.TB, name string, args ...string) *Process {
	t.Helper()
	Require(t, name)
	return start(t, h.Command(context.Background(), name, args...), name)
}

func start(t testing.TB, cmd *exec.Cmd, name string) *Process {
	t.Helper()
	p := &Process{name: name, cmd: cmd, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	// Its children may hold the output open after it has gone.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	p.PID = cmd.Process.Pid
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		<-p.done
	})
	return p
}

// Signal sends a signal. A process that has ended takes none.
func (p *Process) Signal(s os.Signal) {
	// The only errors are "already ended" and, as root, none.
	_ = p.cmd.Process.Signal(s)
}

// Stop asks the process to end (SIGTERM), as systemd would, and returns when it
// has. One that does not listen is killed, and the test fails.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		p.Signal(syscall.SIGKILL)
		<-p.done
		t.Fatalf("%s did not end within %v of SIGTERM; it printed:\n%s", p.name, patience, p.Output())
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how the process ended, nil for exit code 0. It waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// ExitedBy is the signal that ended the process, 0 where none did. It waits for
// the end.
func (p *Process) ExitedBy() syscall.Signal {
	<-p.done
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// Output is what the process has printed so far, stdout and stderr together.
func (p *Process) Output() string { return p.output.String() }

// WaitOutput waits until the process has printed the text.
func (p *Process) WaitOutput(t testing.TB, text string) {
	t.Helper()
	p.wait(t, fmt.Sprintf("print %q", text), func() bool { return strings.Contains(p.Output(), text) })
}

// WaitListen waits until something listens on the port in the network namespace
// of the process. It reads the kernel's list and does not connect: to a daemon,
// a connection that says nothing is an event of its own.
func (p *Process) WaitListen(t testing.TB, proto portvigil.Proto, port uint16) {
	t.Helper()
	p.wait(t, fmt.Sprintf("listen on %d/%s", port, proto), func() bool { return listens(p.PID, proto, port) })
}

func (p *Process) wait(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); pause() {
		select {
		case <-p.done:
			if happened() {
				return
			}
			t.Fatalf("%s ended (%v) and did not %s; it printed:\n%s", p.name, p.err, what, p.Output())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s did not %s within %v; it printed:\n%s", p.name, what, patience, p.Output())
		}
	}
}

// listens reads /proc/PID/net (proc_pid_net(5)): each line has the local address
// as HEX:PORT, and the state, which is 0A for a listening TCP socket and 07 for
// a UDP socket that is not connected.
func listens(pid int, proto portvigil.Proto, port uint16) bool {
	state := "0A"
	if proto == portvigil.UDP {
		state = "07"
	}
	suffix := fmt.Sprintf(":%04X", port)
	for _, file := range []string{string(proto), string(proto) + "6"} {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/net/" + file)
		if err != nil {
			continue // a kernel without IPv6, or a process that has gone
		}
		for line := range bytes.Lines(data) {
			f := strings.Fields(string(line))
			if len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == state {
				return true
			}
		}
	}
	return false
}

// output collects what a process prints, for readers on other goroutines.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

// Write appends p.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String is everything so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
