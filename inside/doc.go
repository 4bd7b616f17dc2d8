// Package inside answers one question: which doors does this machine itself
// have open, and who stands behind each?
//
//	kernel ── sock_diag ──> sockets ──┐ inode
//	/proc/PID/task/TID/fd ── links ───┴─> owners ──> processes ──┐ exe
//	/proc/PID/{exe,stat,status,cgroup,root}                      │
//	dpkg, apk, rpm databases ── under the owner's own root ──────┴─> packages
//	                                                                  │
//	                one portvigil.Look with its Listeners <───────────┘
//
// It promises that the sockets come from the kernel (sock_diag(7)), not from a
// text that a program printed; that nothing is run; that it needs no privilege
// to start, and that what it could not read is said: in the look's Covers, in a
// listener's ProcessUnknown, in the look's Notes. A process that vanishes while
// it is read is no error.
//
// It refuses to follow what a process controls out of that process's root: files
// below /proc/PID/root are opened through os.Root, never block, and are bounded
// in size. It changes nothing on the machine, and it does not look into other
// network namespaces than the one of the calling thread.
//
// Every file is read below Options.Root, so that a recorded machine can be looked
// at. Begin with Take (take_linux.go); the sockets are in diag.go and
// diag_linux.go, the owners in owners_linux.go, a process in process_linux.go,
// packages in packages.go with one file for each kind of database.
package inside
