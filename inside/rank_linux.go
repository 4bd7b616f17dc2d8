package inside

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/portvigil/portvigil"
)

// rank picks who stands for a listener: the oldest owner other than process 1,
// which holds the sockets of units that it starts on demand. The others are told
// once for each executable, by their oldest process.
func rank(holders []*owner) (first *portvigil.Process, others []portvigil.Process) {
	slices.SortFunc(holders, func(a, b *owner) int {
		return cmp.Or(
			cmp.Compare(isInit(a), isInit(b)),
			cmp.Compare(a.ticks, b.ticks),
			cmp.Compare(a.PID, b.PID),
		)
	})
	type executable struct {
		path    string
		deleted bool
		root    fileID
	}
	told := map[executable]bool{}
	for _, o := range holders {
		e := executable{o.rawExe, o.Deleted, o.rootID}
		if told[e] {
			continue
		}
		told[e] = true
		if first == nil {
			p := o.Process
			first = &p
			continue
		}
		others = append(others, o.Process)
	}
	return first, others
}

// isInit is 1 for process 1, else 0, so that it sorts last.
func isInit(o *owner) int {
	if o.PID == 1 {
		return 1
	}
	return 0
}

// nameOwners gives each owner its package, from the databases of the root that
// it runs in. all tells that nil is an answer, see Take. Its error is ctx's.
func nameOwners(ctx context.Context, m *machine, owners map[int]*owner) (all bool, notes []string, err error) {
	byRoot := map[fileID][]*owner{}
	for _, o := range owners {
		byRoot[o.rootID] = append(byRoot[o.rootID], o)
	}
	all = true
	for _, tenants := range byRoot {
		if err := ctx.Err(); err != nil {
			return false, nil, err
		}
		slices.SortFunc(tenants, func(a, b *owner) int { return cmp.Compare(a.PID, b.PID) })
		root := m.root
		if tenants[0].ownRoot {
			root = filepath.Join(m.proc, strconv.Itoa(tenants[0].PID), "root")
		}
		known, err := nameTenants(root, tenants)
		if err != nil {
			notes = append(notes, fmt.Sprintf("packages of process %d are not known: %v", tenants[0].PID, err))
		}
		all = all && known
	}
	slices.Sort(notes)
	return all, notes, nil
}

func nameTenants(root string, tenants []*owner) (all bool, err error) {
	t, err := openTree(root)
	if err != nil {
		return false, err
	}
	defer t.Close()
	var executables []string
	for _, o := range tenants {
		executables = append(executables, o.rawExe)
	}
	slices.Sort(executables)
	packages, all, err := findPackages(t, slices.Compact(executables))
	for _, o := range tenants {
		o.Package = packages[o.rawExe]
	}
	return all, err
}
