package main

import (
	"bufio"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/portvigil/portvigil"
)

// The users that the server's processes run as where root starts it are taken
// from those that systemd keeps for services without an entry in the user
// database (https://systemd.io/UIDS-GIDS/), and that other allocators avoid.
const (
	firstUser = 61184
	lastUser  = 65519
)

// ownUser is the user that the core runs as where the machine has it.
const ownUser = "portvigil"

// chooseUsers returns a user for each process of a server on the data folder:
// each one's files and memory are closed to the others. nil where this user
// namespace has no such users.
//
// The core's is ownUser where there is one, else the folder's owner, else a free
// one, which the folder then belongs to: its owner is the record. A folder that
// some person owns is served as that person. The others own nothing and are
// chosen anew each time.
func chooseUsers(data string) (map[string]identity, error) {
	if !mapped("/proc/self/uid_map", firstUser, lastUser) || !mapped("/proc/self/gid_map", firstUser, lastUser) {
		return nil, nil
	}
	taken, err := takenUsers()
	if err != nil {
		return nil, err
	}
	core, err := coreUser(data)
	if err != nil {
		return nil, err
	}
	h := fnv.New32a()
	h.Write([]byte(data))
	next := int(h.Sum32() % (lastUser - firstUser + 1))
	free := func() identity {
		for range lastUser - firstUser + 1 {
			uid := firstUser + next
			next = (next + 1) % (lastUser - firstUser + 1)
			if !taken[uid] {
				taken[uid] = true
				return identity{uid, uid}
			}
		}
		err = portvigil.Errorf(portvigil.CodeUnavailable, "no user id from %d to %d is free to run as", firstUser, lastUser).
			WithHint("add a user for it: useradd --system %s", ownUser)
		return identity{}
	}
	if core == nil {
		id := free()
		core = &id
	}
	taken[core.uid] = true
	users := map[string]identity{processCore: *core, processInside: free(), processScanner: free()}
	return users, err
}

// coreUser returns the user that the machine or the folder names, nil where
// neither does.
func coreUser(data string) (*identity, error) {
	var st unix.Stat_t
	if err := unix.Stat(data, &st); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &os.PathError{Op: "stat", Path: data, Err: err}
	}
	owner := &identity{int(st.Uid), int(st.Gid)}
	named, err := user.Lookup(ownUser)
	var unknown user.UnknownUserError
	switch {
	case err == nil && (owner.uid == 0 || fromRange(owner.uid)):
		uid, err := strconv.Atoi(named.Uid)
		gid, err2 := strconv.Atoi(named.Gid)
		if err = errors.Join(err, err2); err != nil || uid == 0 {
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "the user %s has the id %s: it cannot run the server", ownUser, portvigil.Printable(named.Uid))
		}
		return &identity{uid, gid}, nil
	case err != nil && !errors.As(err, &unknown):
		return nil, fmt.Errorf("look up the user %s: %w", ownUser, err)
	case owner.uid != 0:
		return owner, nil
	}
	return nil, nil
}

func fromRange(uid int) bool { return firstUser <= uid && uid <= lastUser }

// takenUsers returns those of the range that somebody has: an entry in the user
// or group database, a service of systemd, a process that runs.
func takenUsers() (map[int]bool, error) {
	taken := map[int]bool{}
	for _, file := range []string{"/etc/passwd", "/etc/group"} {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Split(line, ":"); len(fields) > 2 {
				if id, err := strconv.Atoi(strings.TrimSpace(fields[2])); err == nil {
					taken[id] = true
				}
			}
		}
	}
	services, _ := filepath.Glob("/run/systemd/dynamic-uid/[0-9]*") // its only error is a bad pattern
	for _, path := range services {
		if id, err := strconv.Atoi(filepath.Base(path)); err == nil {
			taken[id] = true
		}
	}
	processes, _ := filepath.Glob("/proc/[0-9]*/status")
	for _, path := range processes {
		if uid, known := uidIn(path); known {
			taken[uid] = true
		}
	}
	return taken, nil
}

// uidIn reads the real user out of a process's status (proc_pid_status(5)); one
// that has ended has none.
func uidIn(path string) (int, bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "Uid:"); found {
			uid, err := strconv.Atoi(strings.Fields(rest + " ?")[0])
			return uid, err == nil
		}
	}
	return 0, false
}

// mapped reports whether this user namespace has all ids from first to last, by
// its map (user_namespaces(7)): lines of a first id, the one it is outside, and
// how many follow.
func mapped(path string, first, last int) bool {
	text, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		var inside, outside, count int
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && inside <= first && last < inside+count {
			return true
		}
	}
	return false
}
