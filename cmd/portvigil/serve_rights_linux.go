package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// rightsOf are the capabilities that a process of the server is given, where the
// parent has them; it keeps no other. The inside view reads the descriptors of
// every process (proc_pid_fd(5)); the scanner will send packets of its own.
var rightsOf = map[string][]uintptr{
	processCore:    nil,
	processInside:  {unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH},
	processScanner: {unix.CAP_NET_RAW},
}

// rights is what the parent may give to its children.
type rights struct {
	permitted uint64 // of the parent, a bit a capability
	// users are the children's own, by process; nil where all keep the parent's.
	users map[string]identity
	data  string
	// closed is the folder above the data folder that the core's user may not
	// enter; "" where there is none.
	closed string
}

// identity is a user and its group.
type identity struct{ uid, gid int }

// rightsFor finds out what there is to give. Where the parent is root, it makes
// the data folder the core's.
func rightsFor(data string) (*rights, error) {
	r := &rights{permitted: permittedCapabilities(), data: data}
	if os.Geteuid() != 0 || !r.may(unix.CAP_SETUID) || !r.may(unix.CAP_SETGID) || !r.may(unix.CAP_CHOWN) {
		return r, nil
	}
	users, err := chooseUsers(data)
	if err != nil || users == nil {
		return r, err
	}
	core := users[processCore]
	if err := giveFolder(data, core); err != nil {
		return nil, err
	}
	if r.closed, err = closedTo(core, data); err != nil {
		return nil, err
	}
	if r.closed != "" && !r.may(unix.CAP_SYS_ADMIN) {
		return nil, closedError(r.closed, data, core)
	}
	r.users = users
	return r, nil
}

func (r *rights) may(capability uintptr) bool { return r.permitted&(1<<capability) != 0 }

// given returns the capabilities that the process gets.
func (r *rights) given(process string) []uintptr {
	return slices.DeleteFunc(slices.Clone(rightsOf[process]), func(c uintptr) bool { return !r.may(c) })
}

// start starts the program with the rights of the process. All of them belong
// to a thread and pass to what it starts, so that a thread is taken that gives
// up what the child is not to have, and is thrown away afterwards.
func (r *rights) start(cmd *exec.Cmd, process string) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		started <- r.startHere(cmd, process)
	}()
	return <-started
}

func (r *rights) startHere(cmd *exec.Cmd, process string) error {
	if process == processCore && r.closed != "" {
		if err := hideAllBut(r.closed, r.data); err != nil {
			return errors.Join(closedError(r.closed, r.data, r.users[process]), err)
		}
	}
	// Neither a set-user-ID program nor file capabilities give anything back.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	given := r.given(process)
	for c := range uintptr(64) {
		if !slices.Contains(given, c) {
			// EPERM without CAP_SETPCAP, EINVAL above the last one. It is a second
			// wall: with no_new_privs nothing is gained from the bounding set.
			_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		}
	}
	if user, own := r.users[process]; own {
		cmd.SysProcAttr = &syscall.SysProcAttr{AmbientCaps: given,
			Credential: &syscall.Credential{Uid: uint32(user.uid), Gid: uint32(user.gid), NoSetGroups: !groupsMayBeSet()}}
		if process != processCore {
			cmd.Dir = "/"
		}
		return cmd.Start()
	}
	if err := keepOnly(given); err != nil {
		return err
	}
	return cmd.Start()
}

// keepOnly leaves the thread, and what it starts without another user, these
// capabilities. A service manager's filter may forbid capset(2); then the ambient
// set alone decides what a program without privileges of its own starts with.
func keepOnly(given []uintptr) error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear the ambient capabilities: %w", err)
	}
	var set [2]unix.CapUserData
	for _, c := range given {
		bit := uint32(1) << (c % 32)
		set[c/32].Effective |= bit
		set[c/32].Permitted |= bit
		set[c/32].Inheritable |= bit
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capset(&header, &set[0]); err != nil && (!errors.Is(err, unix.EPERM) || os.Geteuid() == 0) {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	for _, c := range given {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
			return fmt.Errorf("give capability %d: %w", c, err)
		}
	}
	return nil
}

// permittedCapabilities returns what this process has, a bit a capability; none
// where the kernel does not tell.
func permittedCapabilities() uint64 {
	var set [2]unix.CapUserData
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	if err := unix.Capget(&header, &set[0]); err != nil {
		return 0
	}
	return uint64(set[1].Permitted)<<32 | uint64(set[0].Permitted)
}

// groupsMayBeSet: in a user namespace that a user made for himself they may not
// (user_namespaces(7)).
func groupsMayBeSet() bool {
	text, err := os.ReadFile("/proc/self/setgroups")
	return err != nil || strings.TrimSpace(string(text)) != "deny"
}

// hideAllBut gives this thread, and what it starts, mounts of its own, in which
// the closed folder is an empty one that holds the way to the data folder, and
// nothing else. What is hidden could not be entered anyway.
func hideAllBut(closed, data string) error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("take mounts of its own: %w", err)
	}
	// What is mounted here is seen by nobody else; what others mount, here.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("take mounts of its own: %w", err)
	}
	fd, err := unix.Open(data, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: data, Err: err}
	}
	defer unix.Close(fd)
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("tmpfs", closed, "tmpfs", flags, "mode=0755,size=64k"); err != nil {
		return fmt.Errorf("cover %s: %w", closed, err)
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/proc/thread-self/fd/"+strconv.Itoa(fd), data, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s again: %w", data, err)
	}
	return unix.Mount("", closed, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flags, "")
}

// closedTo returns the topmost folder above the path that the user may not
// enter, going by its mode; "" where there is none.
func closedTo(user identity, path string) (string, error) {
	closed := ""
	for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
		var st unix.Stat_t
		if err := unix.Stat(dir, &st); err != nil {
			return "", &os.PathError{Op: "stat", Path: dir, Err: err}
		}
		enter := st.Mode & 0o001
		switch {
		case int(st.Uid) == user.uid:
			enter = st.Mode & 0o100
		case int(st.Gid) == user.gid:
			enter = st.Mode & 0o010
		}
		if enter == 0 {
			closed = dir
		}
		if dir == "/" {
			return closed, nil
		}
	}
}

// limits says what the server cannot see or do with these rights, a sentence each.
func (r *rights) limits(o serveOptions) []string {
	var list []string
	if !o.noLocal && len(r.given(processInside)) < len(rightsOf[processInside]) {
		list = append(list, "The inside view lacks CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: it sees every listener, and of other users' not who owns it.")
	}
	if len(r.given(processScanner)) < len(rightsOf[processScanner]) {
		list = append(list, "The outside view lacks CAP_NET_RAW: it connects to ports in place of sending packets of its own, which takes longer, and no look says how sure it is.")
	}
	if os.Geteuid() == 0 && r.users == nil {
		list = append(list, "The server's processes keep the user id 0, without its capabilities: this container does not let them change it.")
	}
	return list
}
