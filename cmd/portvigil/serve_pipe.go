package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// The core of the server and those who look for it speak JSON Lines over a pipe:
//
//	core                              inside, scanner
//	 look.wanted    request 7  ────>
//	                           <────  progress  request 7      (scanner, some)
//	 resolve.wanted request 8  ────>
//	                           <────  record    request 7      (one a port or listener,
//	                           <────  record    request 7       at last the look's own)
//	                           <────  addresses request 8
//	 cancel         request 7  ────>
//
// Each request has one answer at the end: a look's own record, addresses, or
// failed. Several run at the same time. The records are those that commands
// print, so that what looks from elsewhere can speak the same. What is new gets
// a new type; fields are only added.

// The types of messages.
const (
	lookWanted    = "look.wanted"
	resolveWanted = "resolve.wanted"
	cancelWanted  = "cancel"
	sayProgress   = "progress"
	sayRecord     = "record"
	sayAddresses  = "addresses"
	sayFailed     = "failed"
)

// message is one line of a pipe. Which fields a type has is checked by check.
type message struct {
	Type      string                  `json:"type"`
	Time      time.Time               `json:"time"`
	Request   uint64                  `json:"request"`
	Look      *wantedLook             `json:"look,omitempty"`
	Target    string                  `json:"target,omitempty"` // resolve.wanted
	Progress  *portvigil.LookProgress `json:"progress,omitempty"`
	Record    json.RawMessage         `json:"record,omitempty"`
	Addresses []netip.Addr            `json:"addresses,omitempty"`
	Failure   *failure                `json:"failure,omitempty"`
}

// wantedLook says what is to be looked at; what an inside look has no use for
// is left out.
type wantedLook struct {
	View       portvigil.View     `json:"view"`
	Host       string             `json:"host"`
	Run        string             `json:"run"`
	Address    netip.Addr         `json:"address,omitzero"`
	Proto      portvigil.Proto    `json:"proto,omitempty"`
	Ports      *portvigil.PortSet `json:"ports,omitempty"` // nil: all of the protocol
	First      *portvigil.PortSet `json:"first,omitempty"`
	References []uint16           `json:"references,omitempty"`
	Vantage    string             `json:"vantage,omitempty"`
	Reach      portvigil.Reach    `json:"reach,omitempty"`
}

// failure is an error on its way.
type failure struct {
	Code    portvigil.Code `json:"code"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
}

// failureOf keeps of an error what can travel.
func failureOf(err error) *failure {
	var known *portvigil.Error
	if errors.As(err, &known) {
		return &failure{known.Code, known.Message, known.Hint}
	}
	return &failure{portvigil.CodeInternal, err.Error(), ""}
}

func (f *failure) err() error {
	return &portvigil.Error{Code: f.Code, Message: f.Message, Hint: f.Hint}
}

// check refuses a message that lacks what its type is for.
func (m *message) check() error {
	ok := false
	switch m.Type {
	case lookWanted:
		ok = m.Look != nil
	case resolveWanted:
		ok = m.Target != ""
	case sayProgress:
		ok = m.Progress != nil
	case sayRecord:
		ok = len(m.Record) > 0
	case sayFailed:
		ok = m.Failure != nil
	case cancelWanted, sayAddresses:
		ok = true
	default:
		return fmt.Errorf("a message of the unknown type %q", m.Type)
	}
	if !ok || m.Request == 0 {
		return fmt.Errorf("a message of type %s is incomplete", m.Type)
	}
	return nil
}

const (
	// longestLine bounds a message. The longest record is a listener that very
	// many programs share, a few hundred bytes for each.
	longestLine = 1 << 20
	// writeWithin is how long the other side may leave a pipe full. It reads all
	// the time, so one that does not is stuck.
	writeWithin = 20 * time.Second
)

// pipe carries messages both ways.
type pipe struct {
	conn    net.Conn
	lines   *bufio.Scanner
	writing sync.Mutex // held while a message is written
}

func newPipe(conn net.Conn) *pipe {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4<<10), longestLine)
	return &pipe{conn: conn, lines: lines}
}

// read returns the next message; io.EOF where the other side has gone, and
// otherwise an error that says what it wrote instead of a message. After an
// error nothing more can be read.
func (p *pipe) read() (message, error) {
	var m message
	if !p.lines.Scan() {
		if err := p.lines.Err(); err != nil {
			return m, fmt.Errorf("read from a pipe: %w", err)
		}
		return m, io.EOF
	}
	if err := json.Unmarshal(p.lines.Bytes(), &m); err != nil {
		return m, fmt.Errorf("a line that is no message: %w", err)
	}
	return m, m.check()
}

// write sends a message as one line.
func (p *pipe) write(m message) error {
	m.Time = time.Now().UTC()
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write a message of type %s: %w", m.Type, err)
	}
	if len(text) >= longestLine || bytes.IndexByte(text, '\n') >= 0 {
		return fmt.Errorf("a message of type %s has %d bytes, more than a line may have", m.Type, len(text))
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := p.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err = p.conn.Write(append(text, '\n'))
	return err
}

func (p *pipe) close() error { return p.conn.Close() }
