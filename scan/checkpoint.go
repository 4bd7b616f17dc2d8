package scan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"syscall"

	portvigil "github.com/portvigil/portvigil"
)

// Checkpoint is a file that a sweep keeps what it knows in, so that one that was
// killed goes on where it was: targets that were done with are not looked at again,
// and of the others no port that answered is asked again for its own sake.
//
// Each line is one note in JSON, written as soon as it is known; a last line that is
// half written counts for nothing. The first says which scan it is of.
type Checkpoint struct {
	Seed uint64 // of the order of the sweep

	path string
	mu   sync.Mutex
	file *os.File
	next uint64              // positions in the order from here on were never begun
	open map[uint64]*answers // begun and not done with
	done uint64              // positions that are done with
	err  error               // that kept a note from being written
}

// answers are the ports of a target that answered, by TCP and by UDP.
type answers struct{ tcp, udp []portvigil.Observation }

// note is a line of the file: the first one, or what became known of a position.
type note struct {
	Version int      `json:"portvigil_checkpoint,omitempty"`
	Scan    []string `json:"scan,omitempty"`
	Seed    uint64   `json:"seed,omitempty"`

	At       *uint64                     `json:"at,omitempty"` // in the order of targets
	Answered map[portvigil.Reason]string `json:"answered,omitempty"`
	UDP      *portvigil.Observation      `json:"udp,omitempty"`
	Done     bool                        `json:"done,omitempty"`
	Looks    []*portvigil.Look           `json:"looks,omitempty"` // of a position that is done with
}

// checkpointVersion is that of the notes.
const checkpointVersion = 1

// OpenCheckpoint opens the file of a scan, which is described by all that it depends
// on, or makes it. One that is there goes on, and before gets the looks that are done
// with. Errors have CodeConflict where it is of another scan or in use, and
// CodeInvalid where it is no such file.
func OpenCheckpoint(path string, scan []string, before func([]*portvigil.Look) error) (*Checkpoint, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the checkpoint: %w", err)
	}
	c := &Checkpoint{path: path, file: file, open: map[uint64]*answers{}}
	if err = lockFile(file); err == nil {
		err = c.read(scan, before)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return c, nil
}

// lockFile keeps another scan from the file until it is closed.
func lockFile(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return portvigil.Errorf(portvigil.CodeConflict, "the checkpoint %s is in use by a scan that is running", file.Name())
	}
	return err
}

// read reads the notes, and leaves the file at the end of the last whole one.
func (c *Checkpoint) read(scan []string, before func([]*portvigil.Look) error) error {
	reader := bufio.NewReader(c.file)
	var end int64
	for line := 1; ; line++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // with what of a line may be there
		}
		if err != nil {
			return fmt.Errorf("read the checkpoint: %w", err)
		}
		if err := c.readNote(line, text, scan, before); err != nil {
			return err
		}
		end += int64(len(text))
	}
	if err := c.file.Truncate(end); err != nil {
		return fmt.Errorf("go on with the checkpoint: %w", err)
	}
	if _, err := c.file.Seek(end, io.SeekStart); err != nil {
		return fmt.Errorf("go on with the checkpoint: %w", err)
	}
	if end > 0 {
		return nil
	}
	c.Seed = rand.Uint64()
	return c.write(note{Version: checkpointVersion, Scan: scan, Seed: c.Seed})
}

func (c *Checkpoint) readNote(line int, text []byte, scan []string, before func([]*portvigil.Look) error) error {
	var n note
	err := json.Unmarshal(text, &n)
	switch {
	case err != nil || line == 1 && n.Version == 0 || line > 1 && n.At == nil:
		return portvigil.Errorf(portvigil.CodeInvalid, "%s is no checkpoint of a scan, or is damaged (line %d)", c.path, line).
			WithHint("name another file, or remove this one to begin anew")
	case line == 1 && n.Version != checkpointVersion:
		return portvigil.Errorf(portvigil.CodeConflict, "the checkpoint %s was written by another version of this program", c.path).
			WithHint("remove it to begin anew")
	case line == 1 && !slices.Equal(n.Scan, scan):
		return portvigil.Errorf(portvigil.CodeConflict, "the checkpoint %s is of another scan: %s", c.path, portvigil.Printable(fmt.Sprint(n.Scan))).
			WithHint("give the same targets and flags to go on with it, or remove it to begin anew")
	case line == 1:
		c.Seed = n.Seed
		return nil
	}
	at := *n.At
	c.next = max(c.next, at+1)
	if n.Done {
		delete(c.open, at)
		c.done++
		return before(n.Looks)
	}
	known := c.open[at]
	if known == nil {
		known = new(answers)
		c.open[at] = known
	}
	if n.UDP != nil {
		known.udp = append(known.udp, *n.UDP)
	}
	for reason, ports := range n.Answered {
		set, err := portvigil.ParsePortSet(ports)
		if err != nil {
			return portvigil.Errorf(portvigil.CodeInvalid, "%s is damaged (line %d): %v", c.path, line, err)
		}
		for port := range set.All() {
			known.tcp = append(known.tcp, portvigil.Observation{Port: port, Reason: reason})
		}
	}
	return nil
}

// positions is the order in which targets are taken: those that were begun and not
// done with, and then those that were not begun. Without a checkpoint it is all.
func (c *Checkpoint) positions() func(total uint64) (at uint64, more bool) {
	var first []uint64
	var next uint64
	if c != nil {
		for at := range c.open {
			first = append(first, at)
		}
		slices.Sort(first)
		next = c.next
	}
	return func(total uint64) (uint64, bool) {
		if len(first) > 0 {
			at := first[0]
			first = first[1:]
			return at, true
		}
		if next >= total {
			return 0, false
		}
		next++
		return next - 1, true
	}
}

// doneBefore is how many targets were done with when it was opened.
func (c *Checkpoint) doneBefore() uint64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.next - uint64(len(c.open))
}

// begun notes that a target is taken, and has its look go on.
func (c *Checkpoint) begun(e *engine) {
	if c != nil {
		c.add(note{At: &e.number})
		c.goesOn(e)
	}
}

// goesOn gives a look what is known of its target, and takes what it hears of it.
func (c *Checkpoint) goesOn(e *engine) {
	if c == nil {
		return
	}
	c.mu.Lock()
	known := c.open[e.number]
	c.mu.Unlock()
	if known == nil {
		known = new(answers)
	}
	if e.datagrams != nil {
		e.datagrams.resume(known.udp)
		e.datagrams.told = func(o portvigil.Observation) { c.add(note{At: &e.number, UDP: &o}) }
		return
	}
	e.conductor.resume(known.tcp)
	e.conductor.tellTo(func(ports []portvigil.Observation) {
		by := map[portvigil.Reason]*portvigil.PortSet{}
		for _, o := range ports {
			if by[o.Reason] == nil {
				by[o.Reason] = new(portvigil.PortSet)
			}
			by[o.Reason].Add(o.Port)
		}
		n := note{At: &e.number, Answered: map[portvigil.Reason]string{}}
		for reason, set := range by {
			n.Answered[reason] = set.String()
		}
		c.add(n)
	})
}

// ended notes that a target is done with, and what is to be kept of it.
func (c *Checkpoint) ended(e *engine, looks []*portvigil.Look) {
	if c == nil {
		return
	}
	c.add(note{At: &e.number, Done: true, Looks: looks})
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, e.number)
}

// add writes a note, as long as that is possible.
func (c *Checkpoint) add(n note) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = c.write(n)
	}
}

func (c *Checkpoint) write(n note) error {
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(n); err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	if _, err := c.file.Write(line.Bytes()); err != nil {
		return fmt.Errorf("write the checkpoint: %w", err)
	}
	return nil
}

// Err is what kept the checkpoint from being written; the sweep goes on without.
func (c *Checkpoint) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close closes the file, and removes it where the scan is over.
func (c *Checkpoint) Close(over bool) error {
	var err error
	if over {
		if err = os.Remove(c.path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	// Not by closing alone: a process that is being started has the file, too, for a moment.
	return errors.Join(err, syscall.Flock(int(c.file.Fd()), syscall.LOCK_UN), c.file.Close())
}
