package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"syscall"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web"
)

// socketName is the server's Unix socket in its data folder: who may open it
// may use it.
const socketName = "portvigil.sock"

// client talks to a server: the one on this machine, or with --server another one.
type client struct {
	http *http.Client
	base string // of the URLs
	// socket is the path of the Unix socket; "" for a server elsewhere.
	socket string
	// token is shown to another server; "" on the socket.
	token string
	// unreachable says why nothing was answered.
	unreachable func(error) error
	err         error // why nothing can be asked at all
}

func (a *app) client() *client {
	if a.server != "" {
		return a.remoteClient()
	}
	path := filepath.Join(a.dataFolder(), socketName)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return &client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
		base: "http://portvigil", socket: path, unreachable: func(err error) error { return noSocket(path, err) }}
}

// get asks for a value.
func (c *client) get(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodGet, path, nil, into)
}

// post asks for a change; into may be nil.
func (c *client) post(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, bytes.NewReader(text), into)
}

func (c *client) delete(ctx context.Context, path string, into any) error {
	return c.do(ctx, http.MethodDelete, path, nil, into)
}

func (c *client) do(ctx context.Context, method, path string, body io.Reader, into any) error {
	answer, err := c.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}

// stream asks for events and hands each to take.
func (c *client) stream(ctx context.Context, path string, body any, take func(portvigil.LookEvent) error) error {
	text, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	answer, err := c.send(ctx, http.MethodPost, path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for d := json.NewDecoder(answer.Body); ; {
		var e portvigil.LookEvent
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return portvigil.Errorf(portvigil.CodeUnavailable, "the server stopped before the look was done").
				WithHint("start it again: the look is taken up where it was")
		} else if err != nil {
			return fmt.Errorf("read the server's answer: %w", err)
		}
		if err := take(e); err != nil || e.Done != nil {
			return err
		}
	}
}

// send returns an answer that is a success; the caller closes its body.
func (c *client) send(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	if c.err != nil {
		return nil, c.err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, c.unreachable(err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	defer answer.Body.Close()
	var failure web.APIError
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&failure); err != nil || failure.Message == "" {
		return nil, portvigil.Errorf(portvigil.CodeUnavailable, "what answers at %s is no PortVigil that takes commands: %s", c.base, portvigil.Printable(answer.Status)).
			WithHint("it may be an older one, or a proxy that passes only the pages on")
	}
	return nil, &portvigil.Error{Code: failure.Code, Message: failure.Message, Hint: failure.Hint}
}

// noSocket says why the socket did not answer.
func noSocket(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return portvigil.Errorf(portvigil.CodeUnavailable, "no server runs on %s", filepath.Dir(path)).
			WithHint("start one with: portvigil serve, or name its folder with --data")
	case errors.Is(err, fs.ErrPermission):
		return portvigil.Errorf(portvigil.CodeUnavailable, "the server's socket %s may not be opened", path).
			WithHint("run the command as the user who runs the server")
	}
	return fmt.Errorf("ask the server: %w", err)
}

// at builds a path of the API; each part is escaped.
func at(parts ...string) string {
	path := "/v1"
	for _, p := range parts {
		path += "/" + url.PathEscape(p)
	}
	return path
}
