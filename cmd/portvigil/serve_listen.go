package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/portvigil/portvigil"
)

// listenPage opens the listener of the pages.
func listenPage(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, portvigil.Errorf(portvigil.CodeUnavailable, "%s is in use by another program", address).
			WithHint("choose another with: portvigil serve --listen 127.0.0.1:PORT")
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// listenSocket opens the server's Unix socket. One that a former life left
// behind is replaced: the store's lock on the folder makes sure that nobody
// listens on it. Until it has its mode, no other user gets into its folder.
func listenSocket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replace the socket of a former server: %w", err)
	}
	l, err := net.Listen("unix", path)
	if errors.Is(err, syscall.EINVAL) {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "the path of the data folder is too long for a socket: %s", path).
			WithHint("choose a shorter one with --data (a socket's path has at most 107 bytes)")
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("protect %s: %w", path, err)
	}
	return l, nil
}

// peerKey is the context key of the user who connected to the socket.
type peerKey struct{}

// closeWithin is how long open requests may take when the server stops.
const closeWithin = 5 * time.Second

// serveHTTP answers until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if uid, ok := peerUser(c); ok {
				return context.WithValue(ctx, peerKey{}, uid)
			}
			return ctx
		},
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
		defer cancel()
		stopped <- s.Shutdown(last)
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	}
	if err := <-stopped; err != nil {
		return s.Close() // whoever would not leave in time is cut off
	}
	return nil
}

// metricsFile is the file in the data folder that holds the token of /metrics.
const metricsFile = "metrics.token"

// metricsToken returns the token of /metrics, from a file in the data folder
// that is made at first start.
func (a *app) metricsToken() (string, error) {
	path := filepath.Join(a.dataFolder(), metricsFile)
	text, err := os.ReadFile(path)
	// Somebody may have written it by hand, with a line's end.
	if token := strings.TrimSpace(string(text)); err == nil && token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the token of /metrics: %w", err)
	}
	token := rand.Text()
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		return "", fmt.Errorf("write the token of /metrics: %w", err)
	}
	return token, nil
}
