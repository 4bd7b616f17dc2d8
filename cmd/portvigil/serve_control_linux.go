package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Each process of the server has a control socket to the parent that started
// it. It is its lifeline, too: the kernel closes the other end however the
// parent goes. The parent gives orders over it, and listens only for beats,
// which say nothing: what a child writes is never looked at.
const (
	controlFD = 3 + iota // of every child
	payloadFD            // the core's listener of the pages, the other children's pipe to the core
)

// The orders that the parent gives to the core.
const (
	orderBegin = "begin" // what the core has to know; the first order
	orderPipe  = "pipe"  // a process that looks has started; the pipe to it comes along
	orderStop  = "stop"  // come to an end, in order
)

// order is one packet from the parent to the core.
type order struct {
	Type  string     `json:"type"`
	Begin *beginning `json:"begin,omitempty"`
	// Process is whose pipe it is, and Restarts how often it had to be started again.
	Process  string `json:"process,omitempty"`
	Restarts int    `json:"restarts,omitempty"`
}

// longestOrder bounds a packet: two paths, each of 4 KiB at most.
const longestOrder = 16 << 10

// socketPair returns the two ends of a connection. The types are those of
// socketpair(2): SOCK_SEQPACKET keeps packets apart, and what comes along with them.
func socketPair(kind int) (ours, theirs *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	return os.NewFile(uintptr(pair[0]), "pipe"), os.NewFile(uintptr(pair[1]), "pipe"), nil
}

// unixConn takes over a file that is a Unix socket.
func unixConn(f *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("use a pipe: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, fmt.Errorf("use a pipe: it is a %T", c)
	}
	return u, nil
}

// inherited returns a socket that the parent gave to this process. Nobody but
// the parent starts these processes, and then there is none.
func inherited(fd int) (*net.UnixConn, error) {
	unix.CloseOnExec(fd)
	c, err := unixConn(os.NewFile(uintptr(fd), "pipe"))
	if err != nil {
		return nil, errors.New("this command is for portvigil serve, which starts it by itself")
	}
	return c, nil
}

// sendOrder gives an order, and a file along with it; nil for none.
func sendOrder(c *net.UnixConn, o order, file *os.File) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	var rights []byte
	if file != nil {
		rights = unix.UnixRights(int(file.Fd()))
	}
	_, _, err = c.WriteMsgUnix(text, rights, nil)
	return err
}

// readOrder waits for the next order; the file is nil where none came along.
func readOrder(c *net.UnixConn) (o order, file *os.File, err error) {
	text, rights := make([]byte, longestOrder), make([]byte, unix.CmsgSpace(4))
	n, m, _, _, err := c.ReadMsgUnix(text, rights)
	if err != nil {
		return o, nil, err
	}
	if n == 0 {
		return o, nil, net.ErrClosed // its end, which a packet of no bytes would be as well
	}
	if m > 0 {
		if file, err = fileOf(rights[:m]); err != nil {
			return o, nil, err
		}
	}
	return o, file, json.Unmarshal(text[:n], &o)
}

func fileOf(rights []byte) (*os.File, error) {
	parts, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(parts) != 1 {
		return nil, fmt.Errorf("read an order: %d parts beside it: %w", len(parts), err)
	}
	fds, err := unix.ParseUnixRights(&parts[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("read an order: %d files with it: %w", len(fds), err)
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "pipe"), nil
}
