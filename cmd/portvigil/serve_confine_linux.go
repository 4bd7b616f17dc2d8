package main

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// What a process of the server may still open is narrowed by Landlock where the
// kernel has it (landlock(7), Linux 5.13): whatever gets hold of the process
// reads and writes no more than this. Descriptors that are open already stay.

// reading allows files and folders below the paths to be read, and nothing to be run.
func reading(paths ...string) landlock.Rule {
	return landlock.PathAccess(ll.AccessFSReadFile|ll.AccessFSReadDir, paths...).IgnoreIfMissing()
}

// resolverFolders are where names are resolved by: a rule holds for a folder,
// since the files in it are replaced while we run.
func resolverFolders() []string {
	folders := []string{"/etc", "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/connman"}
	if target, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		folders = append(folders, filepath.Dir(target))
	}
	return folders
}

// environmentFiles are the variables that name files which libraries read for
// the core: the database's, and certificates.
var environmentFiles = []string{"PGPASSFILE", "PGSERVICEFILE", "PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "SSL_CERT_FILE"}

// readingNamed allows the files that the environment names, or that libpq looks
// for at home, to be read. They are read once.
func (a *app) readingNamed() landlock.Rule {
	home := a.getenv("HOME")
	files := []string{filepath.Join(home, ".pgpass"), filepath.Join(home, ".pg_service.conf")}
	for _, variable := range environmentFiles {
		if path := a.getenv(variable); path != "" {
			files = append(files, path)
		}
	}
	files = slices.DeleteFunc(files, func(path string) bool {
		return unix.Access(path, unix.R_OK) != nil // root's home, say: no rule can be made for what cannot be reached
	})
	return landlock.PathAccess(ll.AccessFSReadFile, files...).IgnoreIfMissing()
}

// foldersOf returns the paths, and of a file its folder: a file that is replaced
// while we run is another one, of which no rule knows.
func foldersOf(paths []string) []string {
	var folders []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			continue // whoever reads it says why it cannot
		}
		if !info.IsDir() {
			path = filepath.Dir(path)
		}
		folders = append(folders, path)
	}
	return folders
}

// confineCore leaves the core its data folder to write to, and to read what
// names, TLS and time zones need, and the paths that were given to it.
func (a *app) confineCore(data string, given ...string) error {
	rules := []landlock.Rule{
		landlock.RWDirs(data).WithRefer(),
		reading(resolverFolders()...),
		reading("/proc",
			"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo",
			"/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/share/pki", "/usr/lib/ssl", "/usr/share/ssl", "/var/lib/ca-certificates"),
		reading(foldersOf(given)...),
		a.readingNamed(),
	}
	return confine(landlock.V5.BestEffort().RestrictPaths(rules...))
}

// confineScanner leaves the scanner the resolver's files to read, and nothing to
// write, and no signals or abstract sockets to anybody.
func confineScanner() error {
	return confine(errors.Join(
		landlock.V5.BestEffort().RestrictPaths(reading(resolverFolders()...)),
		landlock.V6.BestEffort().RestrictScoped()))
}

// confine tells what went wrong: a kernel without Landlock, or with an older
// one, is nothing of that.
func confine(err error) error {
	if err != nil {
		return fmt.Errorf("confine this process by Landlock: %w", err)
	}
	return nil
}

// confineInside keeps the inside view from writing to any file. Landlock is not
// for it: who is confined may not look into a process that is not, whatever its
// capabilities (ptrace restrictions, landlock(7)).
func confineInside() error {
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{})
}

// landlockVersion is the version of the kernel's Landlock, 0 for none.
func landlockVersion() int {
	v, err := ll.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return min(v, math.MaxInt16)
}

// warnConfined logs a confinement that failed: the process has its own user and
// no capability to spare all the same.
func warnConfined(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("a process of the server has more rights than it needs", "err", err)
	}
}
