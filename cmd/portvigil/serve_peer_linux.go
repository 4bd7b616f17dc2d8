package main

import (
	"net"

	"golang.org/x/sys/unix"
)

// peerUser returns the user who connected to a Unix socket (SO_PEERCRED, unix(7)).
func peerUser(c net.Conn) (int, bool) {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, false
	}
	uid, found := 0, false
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			uid, found = int(cred.Uid), true
		}
	})
	return uid, found && err == nil
}
