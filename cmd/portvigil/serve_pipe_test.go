package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// oneWay is a connection that is only read from.
type oneWay struct {
	net.Conn
	io.Reader
}

func (c oneWay) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func readAll(text string) (list []message, err error) {
	p := newPipe(oneWay{Reader: strings.NewReader(text)})
	for {
		m, err := p.read()
		if err != nil {
			return list, err
		}
		list = append(list, m)
	}
}

func TestNonsenseInAPipeIsAnError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, says string }{
		"no JSON":                 {"hello", "no message"},
		"no object":               {"[]", "no message"},
		"nothing in it":           {"{}", "unknown type"},
		"an unknown type":         {`{"type":"dance","request":1}`, "unknown type"},
		"no request":              {`{"type":"cancel"}`, "incomplete"},
		"a look of nothing":       {`{"type":"look.wanted","request":1}`, "incomplete"},
		"ports that are none":     {`{"type":"look.wanted","request":1,"look":{"ports":"x"}}`, "no message"},
		"an empty line":           {"", "no message"},
		"a record of nothing":     {`{"type":"record","request":1}`, "incomplete"},
		"a line that never ends":  {strings.Repeat("x", longestLine+1), "too long"},
		"a request below nothing": {`{"type":"cancel","request":-1}`, "no message"},
	} {
		if _, err := readAll(c.line + "\n"); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v; want an error that says %q", name, err, c.says)
		}
	}
}

// What is read can be written, and reads as the same again.
func FuzzPipe(f *testing.F) {
	f.Add(`{"type":"look.wanted","request":1,"look":{"view":"outside","host":"a","run":"r","address":"10.0.0.1","ports":"22,80-90","references":[22]}}` + "\n")
	f.Add(`{"type":"record","request":2,"record":{"type":"port"}}` + "\n" + `{"type":"failed","request":1,"failure":{"code":"invalid","message":"x"}}`)
	f.Add(`{"type":"addresses","request":18446744073709551615,"addresses":["::1%lo"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := readAll(text)
		var again bytes.Buffer
		for _, m := range list {
			line, err := json.Marshal(m)
			if err != nil {
				t.Fatalf("a message that was read cannot be written: %v", err)
			}
			again.Write(append(line, '\n'))
		}
		second, err := readAll(again.String())
		if !errors.Is(err, io.EOF) {
			t.Fatalf("what was written cannot be read: %v\n%s", err, again.String())
		}
		one, _ := json.Marshal(list)
		two, _ := json.Marshal(second)
		if !bytes.Equal(one, two) {
			t.Errorf("read (-) and read again (+):\n%s", cmp.Diff(string(one), string(two)))
		}
	})
}

// life connects a view to a process that does as it is told, for one life of it.
func life(t *testing.T, v *view, do looking) (kill func()) {
	ours, theirs := net.Pipe()
	var both sync.WaitGroup
	both.Go(func() { v.serve(t.Context(), newPipe(ours), 0) })
	both.Go(func() {
		if err := answer(context.Background(), newPipe(theirs), do); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("the process that looks: %v", err)
		}
	})
	return func() {
		theirs.Close()
		both.Wait()
	}
}

func quietView() *view { return newView(processScanner, slog.New(slog.DiscardHandler)) }

func seen(m message) *portvigil.Look {
	l := &portvigil.Look{ID: portvigil.NewID(), Run: m.Look.Run, Host: m.Look.Host, View: portvigil.Outside, Address: m.Look.Address, Proto: portvigil.TCP,
		Ports: portvigil.PortsOf(22, 80), DefaultState: portvigil.StateClosed, Complete: true,
		Observations: []portvigil.Observation{{Port: 22, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck}}}
	return l
}

func lookAt(address string) wantedLook {
	return wantedLook{View: portvigil.Outside, Host: "web1", Run: "r-" + address, Address: netip.MustParseAddr(address), Proto: portvigil.TCP}
}

func TestManyLooksShareAPipeAndEachGetsItsOwn(t *testing.T) {
	t.Parallel()
	v := quietView()
	both := make(chan bool) // two run at the same time: each waits for the other
	defer life(t, v, func(ctx context.Context, a *answerer, m message) error {
		select {
		case both <- true:
		case <-both:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := a.pipe.write(message{Type: sayProgress, Request: m.Request, Progress: &portvigil.LookProgress{Share: 0.5, Address: m.Look.Address.String()}}); err != nil {
			return err
		}
		return a.tell(m.Request, seen(m))
	})()
	var looks sync.WaitGroup
	for _, address := range []string{"10.0.0.1", "10.0.0.2"} {
		looks.Go(func() {
			var heard portvigil.LookProgress
			l, err := v.look(t.Context(), time.Minute, lookAt(address), func(p portvigil.LookProgress) { heard = p })
			if err != nil || l.Address.String() != address || len(l.Observations) != 1 || heard.Address != address {
				t.Errorf("the look at %s: %+v, %v; progress %+v", address, l, err, heard)
			}
		})
	}
	looks.Wait()
}

func TestALookThatItsProcessDidNotSurviveIsBegunAgain(t *testing.T) {
	t.Parallel()
	v := quietView()
	begun := make(chan bool)
	kill := life(t, v, func(ctx context.Context, a *answerer, m message) error {
		begun <- true
		<-ctx.Done()
		return ctx.Err()
	})
	go func() {
		<-begun
		kill()
		kill = life(t, v, func(ctx context.Context, a *answerer, m message) error { return a.tell(m.Request, seen(m)) })
		begun <- true
	}()
	l, err := v.look(t.Context(), time.Minute, lookAt("10.0.0.1"), nil)
	if err != nil || len(l.Notes) != 1 || !strings.HasPrefix(l.Notes[0], "begun-again: ") {
		t.Errorf("%+v, %v", l, err)
	}
	<-begun
	kill()
}

func TestALookThatKillsItsProcessEachTimeIsGivenUp(t *testing.T) {
	t.Parallel()
	v := quietView()
	asked := make(chan bool)
	over := make(chan bool)
	go func() {
		defer close(over)
		for range lookTries {
			kill := life(t, v, func(ctx context.Context, a *answerer, m message) error {
				asked <- true
				<-ctx.Done()
				return ctx.Err()
			})
			<-asked
			kill()
		}
	}()
	_, err := v.look(t.Context(), time.Minute, lookAt("10.0.0.1"), nil)
	if portvigil.ErrorCode(err) != portvigil.CodeUnavailable || !strings.Contains(err.Error(), "ended 3 times") {
		t.Errorf("%v", err)
	}
	<-over
}

func TestWhatALookCannotDoIsSaidAsItWasSaid(t *testing.T) {
	t.Parallel()
	v := quietView()
	want := &portvigil.Error{Code: portvigil.CodeOutOfScope, Message: "never", Hint: "look elsewhere"}
	defer life(t, v, func(context.Context, *answerer, message) error { return want })()
	_, err := v.look(t.Context(), time.Minute, lookAt("10.0.0.1"), nil)
	var got *portvigil.Error
	if !errors.As(err, &got) || *got != *want {
		t.Errorf("%v, want %v", err, want)
	}
}

func TestAProcessThatAnswersNonsenseIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"another look":        `{"type":"record","request":7,"record":{"type":"look"}}`,
		"half a look":         `{"type":"record","request":1,"record":{"type":"look","id":"x","view":"outside"}}`,
		"a question":          `{"type":"cancel","request":1}`,
		"no message":          "\x00\x01",
		"a record of nothing": `{"type":"record","request":1,"record":7}`,
	} {
		ours, theirs := net.Pipe()
		a := newAsker(newPipe(ours))
		why := make(chan error, 1)
		go func() { why <- a.run() }()
		go func() {
			_, _ = theirs.Read(make([]byte, longestLine))
			_, _ = io.WriteString(theirs, line+"\n")
		}()
		_, err := a.ask(t.Context(), time.Minute, message{Type: resolveWanted, Target: "x"}, nil)
		var gone *goneError
		if !errors.As(err, &gone) {
			t.Errorf("%s: %v, want the process given up", name, err)
		}
		if err := <-why; err == nil {
			t.Errorf("%s: nobody says why", name)
		}
	}
}

// A look that takes too long is asked to stop, and gives what it has; one that
// does not stop costs its process, and nobody waits for it any longer.
func TestALookEndsInTime(t *testing.T) {
	for name, c := range map[string]struct {
		stops bool
		after time.Duration
	}{"it stops": {true, time.Minute}, "it is stuck": {false, time.Minute + stopWithin}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ours, theirs := net.Pipe()
				a := newAsker(newPipe(ours))
				var both sync.WaitGroup
				both.Go(func() { _ = a.run() })
				stuck := make(chan bool)
				both.Go(func() {
					_ = answer(context.Background(), newPipe(theirs), func(ctx context.Context, a *answerer, m message) error {
						<-ctx.Done()
						if !c.stops {
							<-stuck
						}
						l := seen(m)
						l.Complete = false
						return a.tell(m.Request, l)
					})
				})
				began := time.Now()
				w := lookAt("10.0.0.1")
				result, err := a.ask(t.Context(), time.Minute, message{Type: lookWanted, Look: &w}, nil)
				if took := time.Since(began); took != c.after || (err == nil) != c.stops || c.stops && result.look.Complete {
					t.Errorf("after %v (want %v): %+v, %v", took, c.after, result.look, err)
				}
				close(stuck)
				_ = a.pipe.close()
				both.Wait()
			})
		})
	}
}
