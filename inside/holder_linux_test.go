package inside

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary stand in for servers: run as "hold SPEC…" it opens
// the sockets, says so, and keeps them until its standard input ends. Run as
// "contain DIR EXE SPEC…" it makes DIR the root of a container first.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "hold":
			os.Exit(report(hold(os.Args[2:])))
		case "contain":
			os.Exit(report(contain(os.Args[2], os.Args[3], os.Args[4:])))
		}
	}
	os.Exit(m.Run())
}

func report(err error) int {
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// hold opens a socket for each SPEC: tcp|udp|mptcp,ADDRESS:PORT and options.
func hold(specs []string) error {
	for _, spec := range specs {
		if folder, found := strings.CutPrefix(spec, "chroot="); found {
			if err := unix.Chroot(folder); err != nil {
				return fmt.Errorf("chroot: %w", err)
			}
			continue
		}
		if rest, found := strings.CutPrefix(spec, "thread,"); found {
			if err := inThread(rest); err != nil {
				return err
			}
			continue
		}
		fd, err := openSocket(spec)
		if err != nil {
			return fmt.Errorf("open %s: %w", spec, err)
		}
		if strings.Contains(spec, ",inherit") {
			if err := inherit(fd); err != nil {
				return err
			}
		}
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// inThread opens the socket in a thread with a table of descriptors of its own,
// and keeps the thread for as long as the process lives.
func inThread(spec string) error {
	opened := make(chan error)
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // the main thread: take another
			opened <- inThread(spec)
			select {}
		}
		err := unix.Unshare(unix.CLONE_FILES)
		if err == nil {
			_, err = openSocket(spec)
		}
		opened <- err
		select {}
	}()
	return <-opened
}

// inherit starts another program that is handed the socket as well.
func inherit(fd int) error {
	handed, err := unix.Dup(fd) // os.File closes the one that it is given
	if err != nil {
		return err
	}
	child := exec.Command("cat")
	child.Stdin = os.Stdin
	child.ExtraFiles = []*os.File{os.NewFile(uintptr(handed), "socket")}
	return child.Start()
}

func openSocket(spec string) (int, error) {
	parts := strings.Split(spec, ",")
	at, err := netip.ParseAddrPort(parts[1])
	if err != nil {
		return 0, err
	}
	family, kind, protocol := unix.AF_INET6, unix.SOCK_STREAM, 0
	if at.Addr().Is4() {
		family = unix.AF_INET
	}
	switch parts[0] {
	case "udp":
		kind = unix.SOCK_DGRAM
	case "mptcp":
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return 0, err
	}
	if err := setOptions(fd, parts[2:]); err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, address(at)); err != nil {
		return 0, err
	}
	for _, option := range parts[2:] {
		if peer, found := strings.CutPrefix(option, "connect="); found {
			return fd, unix.Connect(fd, address(netip.MustParseAddrPort(peer)))
		}
	}
	if kind == unix.SOCK_STREAM {
		return fd, unix.Listen(fd, 1)
	}
	return fd, nil
}

func setOptions(fd int, options []string) error {
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		var err error
		switch name {
		case "v6only":
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
		case "reuseport":
			err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		case "device":
			err = unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, value)
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", option, err)
		}
	}
	return nil
}

func address(at netip.AddrPort) unix.Sockaddr {
	if at.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}
	}
	sa := &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}
	var index uint32
	if _, err := fmt.Sscan(at.Addr().Zone(), &index); err == nil {
		sa.ZoneId = index
	}
	return sa
}

// contain makes the folder the root of this process's mount namespace, with the
// machine's programs and libraries and a procfs of its own, and runs exe in it.
func contain(folder, exe string, specs []string) error {
	for _, sub := range []string{"usr", "proc", "old"} {
		if err := os.MkdirAll(filepath.Join(folder, sub), 0o755); err != nil {
			return err
		}
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.Symlink("usr/"+link, filepath.Join(folder, link)); err != nil {
			return err
		}
	}
	mounts := []struct {
		from, to, kind string
		flags          uintptr
	}{
		{"", "/", "", unix.MS_REC | unix.MS_PRIVATE},
		{folder, folder, "", unix.MS_BIND},
		{"/usr", filepath.Join(folder, "usr"), "", unix.MS_BIND},
		{"proc", filepath.Join(folder, "proc"), "proc", 0},
	}
	for _, m := range mounts {
		if err := unix.Mount(m.from, m.to, m.kind, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.to, err)
		}
	}
	if err := unix.PivotRoot(folder, filepath.Join(folder, "old")); err != nil {
		return fmt.Errorf("pivot: %w", err)
	}
	if err := unix.Unmount("/old", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the old root: %w", err)
	}
	return unix.Exec(exe, append([]string{exe, "hold"}, specs...), nil)
}

// start runs a program that holds sockets, waits until it does, and ends it with
// the test. It belongs to the network namespace of the calling thread.
func start(t *testing.T, attributes *syscall.SysProcAttr, exe string, args ...string) int {
	t.Helper()
	cmd := exec.Command(exe, args...)
	cmd.SysProcAttr = attributes
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", exe, err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait() // how it ended says nothing about what was tested
	})
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("%s %v did not open its sockets: %q (%v)", exe, args, line, err)
	}
	return cmd.Process.Pid
}

// program copies the test binary to a path, so that it has a name of its own.
func program(t *testing.T, path string) string {
	t.Helper()
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFolder is a temporary folder that other users can reach into.
func openFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for _, dir := range []string{folder, filepath.Dir(folder)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
