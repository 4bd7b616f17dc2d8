package inside

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/portvigil/portvigil"
)

// What ProcessUnknown says.
const (
	unknownDenied   = "permission denied: run as root or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"
	unknownGuarded  = "permission denied: its process has rights that this one lacks (CAP_SYS_PTRACE over it is needed)"
	unknownVanished = "vanished while reading"
	unknownKernel   = "no process holds it: kernel socket (e.g. NFS, WireGuard)"
	unknownOutside  = "no process seen here holds it: kernel socket, or a process outside of this PID namespace"
	unknownNoProc   = "processes cannot be listed"
)

// Take looks at the machine once and returns what it saw as an inside look with
// its listeners sorted by protocol, port, address and device. Its Seq is left to
// who stores it.
//
// The look covers sockets when every kind of socket could be listed, and only then
// is it complete. It covers owners when besides no process kept its descriptors to
// itself, and every listener without a process is known to be the kernel's own. It
// covers packages when besides the databases of every owner's root could be read;
// a nil Package then means that no package owns the executable.
//
// An error means that there is no look at all: ctx is done, or the kernel lists no
// sockets (portvigil.CodeUnavailable).
func Take(ctx context.Context, o Options) (*portvigil.Look, error) {
	o = o.withDefaults()
	if o.Sockets == nil {
		o.Sockets = kernelSockets
	}
	look := &portvigil.Look{
		ID: portvigil.NewID(), Run: o.Run, Host: o.Host,
		View: portvigil.Inside, Method: portvigil.MethodSockDiag, Started: o.Now().UTC(),
	}
	m, notes := newMachine(o.Root)
	look.Boot = m.boot()
	s, err := see(ctx, &m, o.Sockets)
	if err != nil {
		return nil, err
	}
	look.Notes = append(notes, s.notes()...)
	packagesKnown, notes, err := nameOwners(ctx, &m, s.owners)
	if err != nil {
		return nil, err
	}
	look.Notes = append(look.Notes, notes...)
	look.Listeners = s.listeners()
	if look.Complete = s.incomplete == nil; look.Complete {
		look.Covers = append(look.Covers, portvigil.CoversSockets)
	}
	if look.Complete && s.ownersKnown() {
		look.Covers = append(look.Covers, portvigil.CoversOwners)
		if packagesKnown {
			look.Covers = append(look.Covers, portvigil.CoversPackages)
		}
	}
	look.Ended = o.Now().UTC()
	return look, nil
}

// sight is the sockets and their owners as they were at about one moment.
type sight struct {
	sockets    []Socket
	incomplete error           // why some sockets are missing, nil if none are
	holders    owners          // pids by inode
	noProc     error           // why processes cannot be listed, nil if they can
	owners     map[int]*owner  // by pid
	unreadable map[int]error   // by pid: errDenied or errVanished
	kernel     map[uint64]bool // inodes that no process holds, seen twice
	whole      bool            // the procfs shows all processes of the machine
}

// seeTries bounds how often sockets and processes are read together. Between the
// two readings a socket may be handed on or closed; a second one tells that from a
// socket of the kernel, a third serves a busy machine.
const seeTries = 3

// see reads sockets and owners until every socket has an owner, or those without
// one are the same twice.
func see(ctx context.Context, m *machine, list func(context.Context) ([]Socket, error)) (*sight, error) {
	var before map[uint64]bool
	var s *sight
	for range seeTries {
		sockets, err := list(ctx)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil && len(sockets) == 0 {
			return nil, portvigil.Errorf(portvigil.CodeUnavailable, "the kernel does not list its sockets: %v", err).
				WithHint("portvigil doctor tells what this machine allows")
		}
		s = &sight{sockets: sockets, incomplete: err}
		if err := s.findOwners(ctx, m); err != nil {
			return nil, err
		}
		orphans := s.orphans()
		if len(orphans) == 0 || s.holders.denied > 0 || s.noProc != nil {
			break
		}
		s.kernel = maps.Clone(orphans)
		maps.DeleteFunc(s.kernel, func(inode uint64, _ bool) bool {
			return !before[inode] || len(s.holders.pids[inode]) > 0
		})
		if len(s.kernel) == len(orphans) {
			break
		}
		before = orphans
	}
	return s, nil
}

func (s *sight) findOwners(ctx context.Context, m *machine) error {
	wanted := map[uint64]bool{}
	for _, socket := range s.sockets {
		if socket.Inode != 0 {
			wanted[socket.Inode] = true
		}
	}
	s.holders, s.noProc = findOwners(ctx, m.proc, wanted)
	if err := ctx.Err(); err != nil {
		return err
	}
	s.owners, s.unreadable = map[int]*owner{}, map[int]error{}
	for _, pids := range s.holders.pids {
		for _, pid := range pids {
			if s.owners[pid] != nil || s.unreadable[pid] != nil {
				continue
			}
			o, err := m.read(pid)
			if err != nil {
				s.unreadable[pid] = err
				continue
			}
			s.owners[pid] = &o
		}
	}
	for _, err := range s.unreadable {
		if errors.Is(err, errDenied) {
			s.holders.denied++
		} else {
			s.holders.vanished++
		}
	}
	s.lookForHidden(m)
	return nil
}

// lookForHidden finds out whether the procfs shows every process. Process 1 always
// exists, so that one which does not show it hides others' (hidepid, proc(5)); and
// its PID namespace is the machine's first one or a container's.
func (s *sight) lookForHidden(m *machine) {
	if s.noProc != nil {
		return
	}
	one := filepath.Join(m.proc, "1")
	if _, err := os.Stat(one); err != nil {
		s.holders.denied++
	}
	const first = "pid:[4026531836]" // PROC_PID_INIT_INO, linux/proc_ns.h
	space, err := os.Readlink(filepath.Join(one, "ns/pid"))
	s.whole = err == nil && space == first
}

// orphans returns the inodes that have no owner whom we could read.
func (s *sight) orphans() map[uint64]bool {
	orphans := map[uint64]bool{}
	for _, socket := range s.sockets {
		if socket.Inode != 0 && !slices.ContainsFunc(s.holders.pids[socket.Inode], s.readable) {
			orphans[socket.Inode] = true
		}
	}
	return orphans
}

func (s *sight) readable(pid int) bool { return s.owners[pid] != nil }

// ownersKnown is the rule for covering owners, see Take.
func (s *sight) ownersKnown() bool {
	if s.noProc != nil || s.holders.denied > 0 {
		return false
	}
	for inode := range s.orphans() {
		if !s.kernel[inode] || !s.whole {
			return false
		}
	}
	return true
}

// listeners joins the sockets and gives each its owners.
func (s *sight) listeners() []portvigil.Listener {
	var listeners []portvigil.Listener
	for _, l := range merge(s.sockets) {
		var holders []*owner
		for _, pid := range s.pids(l) {
			if o := s.owners[pid]; o != nil {
				holders = append(holders, o)
			}
		}
		l.Process, l.Others = rank(holders)
		if l.Process == nil {
			l.ProcessUnknown = s.whyUnknown(l.inodes)
		}
		listeners = append(listeners, l.Listener)
	}
	return listeners
}

// pids returns every process that holds one of the listener's sockets, rising.
func (s *sight) pids(l shared) []int {
	var pids []int
	for _, inode := range l.inodes {
		pids = append(pids, s.holders.pids[inode]...)
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

func (s *sight) whyUnknown(inodes []uint64) string {
	kernel := true
	for _, inode := range inodes {
		kernel = kernel && (inode == 0 || s.kernel[inode])
	}
	switch {
	case s.noProc != nil:
		return unknownNoProc
	case s.holders.denied > 0:
		return denial()
	case !kernel:
		return unknownVanished
	case !s.whole:
		return unknownOutside
	}
	return unknownKernel
}

// notes tells what the look could not see, a sentence each.
func (s *sight) notes() []string {
	var notes []string
	if s.incomplete != nil {
		notes = append(notes, fmt.Sprintf("some sockets could not be listed: %v", s.incomplete))
	}
	if s.noProc != nil {
		notes = append(notes, fmt.Sprintf("owners are not known: %v", s.noProc))
	}
	if n := s.holders.denied; n > 0 {
		notes = append(notes, fmt.Sprintf("%s may not be read, so that owners may be missing: %s", processes(n), denial()))
	}
	if n := s.holders.vanished; n > 0 {
		notes = append(notes, fmt.Sprintf("%s vanished while being read", processes(n)))
	}
	return notes
}

func processes(n int) string {
	if n == 1 {
		return "1 process"
	}
	return fmt.Sprintf("%d processes", n)
}

// denial is the step to take for one who may not read a process. Root may lack it
// too: in a container, or for a process with more capabilities than its own.
func denial() string {
	if os.Geteuid() == 0 {
		return unknownGuarded
	}
	return unknownDenied
}
