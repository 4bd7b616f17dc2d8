package lab

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// Do calls f on a thread that is in the host's network namespace. Sockets that
// f makes belong to the host for good, and may be used from any goroutine later;
// only their making has to happen here, and not in a goroutine that f starts.
//
// Programs must not be started in f: one that is to die with its parent
// (PR_SET_PDEATHSIG) dies with the thread that started it.
func (h *Host) Do(f func() error) error {
	runtime.LockOSThread()
	home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the thread's namespace: %w", err)
	}
	defer unix.Close(home)
	there, err := unix.Open(h.Path(), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open the namespace of %s: %w", h.Name, err)
	}
	defer unix.Close(there)
	if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter the namespace of %s: %w", h.Name, err)
	}
	defer func() {
		// The thread goes home and back to work. Left locked, the runtime would
		// end it with this goroutine, and with it every daemon that it had
		// started before (see above).
		if err := unix.Setns(home, unix.CLONE_NEWNET); err != nil {
			panic("lab: a thread cannot leave the namespace of " + h.Name + ": " + err.Error())
		}
		runtime.UnlockOSThread()
	}()
	return f()
}

// Dial connects from the host. The address is a literal IP and port: a name, or
// several addresses, would be dialled from other threads.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.Do(func() error {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// ListenTCP opens a listener on the host that the test process itself holds, to
// be closed when the test ends at the latest.
func (h *Host) ListenTCP(t testing.TB, address string) net.Listener {
	t.Helper()
	var l net.Listener
	err := h.Do(func() (err error) {
		l, err = new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		return err
	})
	if err != nil {
		t.Fatalf("listen on %s of %s: %v", address, h.Name, err)
	}
	t.Cleanup(func() { _ = l.Close() }) // a second close only says that it is closed
	return l
}
