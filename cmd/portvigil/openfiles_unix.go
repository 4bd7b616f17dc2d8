//go:build unix

package main

import "golang.org/x/sys/unix"

// openFiles returns how many files this process may have open at most: a scan
// raises its soft limit to the hard one (getrlimit(2), RLIMIT_NOFILE).
func openFiles() (uint64, error) {
	var r unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r)
	return uint64(r.Max), err
}
