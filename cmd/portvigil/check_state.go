package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
)

// checkFile is the file in the data folder that holds it.
const checkFile = "check.json"

// checkState is what check remembers between two runs: what it saw since when,
// and which difference it told whom.
type checkState struct {
	path string
	Host string `json:"host"`
	// Trail is the inside view as earlier runs saw it; it decides about what has
	// to be there twice.
	Trail *portvigil.Trail `json:"trail"`
	// Told is the difference that was mailed last, and Mailed when.
	Told   string    `json:"told,omitempty"`
	Mailed time.Time `json:"mailed,omitzero"`
}

// checkState reads what is remembered of the host. What cannot be read is
// begun anew, and said so: a lost memory costs a second mail, no finding.
func (a *app) checkState(f checkFlags) *checkState {
	s := &checkState{path: filepath.Join(a.dataFolder(), checkFile), Host: f.host, Trail: new(portvigil.Trail)}
	text, err := readOwn(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s
	}
	kept := *s
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "portvigil: %s cannot be read and is begun anew: %s\n", s.path, oneLine(unwrapPath(err).Error()))
		return s
	}
	if kept.Host != f.host || kept.Trail == nil {
		return s
	}
	return &kept
}

// largestState bounds what is read back; 200,000 doors are a tenth of it.
const largestState = 256 << 20

// readOwn reads a regular file that belongs to who runs this. The data folder
// may be the server's, who could put anything in root's way there: a link, a
// pipe that never ends, or a memory by which check would say nothing.
func readOwn(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular() || info.Size() > largestState:
		return nil, errors.New("it is no file that check wrote")
	case !ok || int(owner.Uid) != os.Geteuid():
		return nil, errors.New("it belongs to another user")
	}
	return io.ReadAll(f)
}

// see adds this run's look.
func (s *checkState) see(l *portvigil.Look) {
	l.Seq = s.Trail.Newest.Seq + 1
	s.Trail.Add(l)
}

func (s *checkState) save() error {
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("write what check remembers: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("make the data folder %s: %w", filepath.Dir(s.path), unwrapPath(err))
	}
	return replaceFile(s.path, text, 0o600)
}

// mailCheck mails a difference that nobody was told of yet, or not for a day.
// A mail that failed counts as not told.
func (a *app) mailCheck(ctx context.Context, c *checked) error {
	if len(c.flags.mailTo) == 0 {
		return nil
	}
	difference := fingerprint(c.findings())
	s := c.state
	if difference == "" {
		s.Told, s.Mailed = "", time.Time{}
		return nil
	}
	now := c.look.Ended
	if s.Told == difference && now.Sub(s.Mailed) < daily && !now.Before(s.Mailed) {
		return nil
	}
	if err := a.sendCheck(ctx, c); err != nil {
		return fmt.Errorf("mail the difference: %w", err)
	}
	s.Told, s.Mailed = difference, now
	return nil
}

// fingerprint tells two differences apart; pids and times do not count.
func fingerprint(findings []portvigil.Exposure) string {
	var lines []string
	for _, e := range findings {
		exe := ""
		if e.Process != nil {
			exe = e.Process.Exe
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s %s", e.Verdict, e.Door(), e.Address, exe, portvigil.DifferencesText(e.Differences)))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func (a *app) sendCheck(ctx context.Context, c *checked) error {
	f := c.flags
	from := f.mailFrom
	if from == "" {
		from = "portvigil@" + localName()
	}
	subject := fmt.Sprintf("[PortVigil] %s differs from its baseline: %s", f.host, headline(c.findings()))
	body := a.checkText(c)
	if f.smtp == "" {
		return notify.Sendmail(ctx, f.sendmail, from, f.mailTo, subject, body)
	}
	var password notify.Secret
	if f.passwordFile != "" {
		var err error
		if password, err = a.secretFrom(f.passwordFile); err != nil {
			return err
		}
	}
	return notify.Mail(ctx, f.smtp, password, from, f.mailTo, subject, body, portvigil.NewID())
}

// headline names the first doors that differ.
func headline(findings []portvigil.Exposure) string {
	var doors []string
	for _, e := range findings {
		doors = append(doors, e.Door().String())
	}
	doors = unique(doors)
	if len(doors) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(doors[:3], ", "), len(doors)-3)
	}
	return strings.Join(doors, ", ")
}
