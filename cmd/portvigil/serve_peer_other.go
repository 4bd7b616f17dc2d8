//go:build !linux

package main

import "net"

// peerUser tells nothing here: who may open the socket is trusted, unnamed.
func peerUser(net.Conn) (int, bool) { return 0, false }
