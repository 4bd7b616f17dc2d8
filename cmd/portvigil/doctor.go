package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/inside"
	"github.com/portvigil/portvigil/scan"
)

// unit is a systemd unit for serve with the few rights that it needs.
//
//go:embed portvigil.service
var unit string

func (a *app) doctorCommand() *cobra.Command {
	var printUnit bool
	c := &cobra.Command{
		Use: "doctor", Short: "Say what this machine allows, and how to mend what it does not", Args: cobra.NoArgs,
		Long: `Tries what PortVigil needs on this machine, and says what works, what does not,
and what to do about it. Exit codes: 0 nothing stands in the way, 1 something is
seen less well than it could be, 2 something does not work.`,
		Example: "  portvigil doctor\n  portvigil doctor --unit > portvigil.service   # a systemd unit for serve, hardened",
		RunE: func(c *cobra.Command, _ []string) error {
			if printUnit {
				_, err := fmt.Fprint(a.stdout, unit)
				return err
			}
			code := exitExpected
			for _, try := range []func(context.Context) diagnosis{
				a.diagnoseRights, a.diagnoseConfinement, a.diagnoseInside, a.diagnoseOutside, a.diagnoseFiles, a.diagnoseData, a.diagnoseServer, a.diagnoseBaseline, a.diagnoseClock,
			} {
				d := try(c.Context())
				code = max(code, map[health]int{well: exitExpected, hampered: exitDiffers, ill: exitFailed}[d.Health])
				if err := a.showDiagnosis(d); err != nil {
					return err
				}
			}
			if code == exitExpected {
				return nil
			}
			return &outcome{code: code}
		},
	}
	c.Flags().BoolVar(&printUnit, "unit", false, "print a systemd unit for serve, and nothing else")
	return c
}

// health is how well one thing works.
type health string

const (
	well     health = "ok"
	hampered health = "limited" // works, and sees less than it could
	ill      health = "fails"
)

// diagnosis is what doctor found out about one thing.
type diagnosis struct {
	Type   string    `json:"type"` // "diagnosis"
	Time   time.Time `json:"time"`
	What   string    `json:"what"`
	Health health    `json:"health"`
	Text   string    `json:"text"`
	Mend   string    `json:"mend,omitempty"`
}

func (a *app) showDiagnosis(d diagnosis) error {
	if a.json {
		d.Type, d.Time = "diagnosis", time.Now().UTC()
		return a.record(d)
	}
	severity := map[health]portvigil.Severity{hampered: portvigil.Medium, ill: portvigil.High}[d.Health]
	fmt.Fprintf(a.stdout, "%-8s %-12s %s\n", a.paint(string(d.Health), severity), d.What, portvigil.Printable(d.Text))
	if d.Mend != "" {
		fmt.Fprintf(a.stdout, "%22s%s\n", "", d.Mend)
	}
	return nil
}

func (a *app) diagnoseRights(context.Context) diagnosis {
	switch {
	case os.Geteuid() == 0:
		return diagnosis{What: "rights", Health: well, Text: "runs as root: it sees the owner of every socket"}
	case seesOwners():
		return diagnosis{What: "rights", Health: well, Text: "has CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH: it sees the owner of every socket"}
	}
	return diagnosis{What: "rights", Health: hampered, Text: "runs without privileges: other users' sockets are seen, their owners are not",
		Mend: "run it as root, or give the binary CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"}
}

func (a *app) diagnoseOutside(context.Context) diagnosis {
	if err := scan.MaySYN(); err != nil {
		return diagnosis{What: "outside", Health: hampered, Text: "looks by connecting, which is slower: " + oneLine(err.Error()),
			Mend: "run it as root, or give the binary CAP_NET_RAW"}
	}
	return diagnosis{What: "outside", Health: well, Text: "looks by SYN packets of its own"}
}

func (a *app) diagnoseConfinement(context.Context) diagnosis {
	if runtime.GOOS != "linux" {
		return diagnosis{What: "processes", Health: well, Text: "serve is one process on this system"}
	}
	text := "serve's processes run as who starts it"
	if os.Geteuid() == 0 {
		text = "serve's processes run as other users than root, with the capabilities that each needs"
	}
	if v := landlockVersion(); v > 0 {
		return diagnosis{What: "processes", Health: well, Text: fmt.Sprintf("%s, confined by Landlock (version %d)", text, v)}
	}
	return diagnosis{What: "processes", Health: well, Text: text + "; this kernel has no Landlock to confine them further (Linux 5.13, and lsm=landlock)"}
}

func (a *app) diagnoseInside(ctx context.Context) diagnosis {
	l, err := inside.Take(ctx, inside.Options{Host: localName()})
	if err != nil {
		return diagnosis{What: "inside", Health: ill, Text: oneLine(err.Error()), Mend: "the kernel needs sock_diag (CONFIG_INET_DIAG)"}
	}
	unknown := 0
	for _, s := range l.Listeners {
		if s.Process == nil {
			unknown++
		}
	}
	d := diagnosis{What: "inside", Health: well, Text: fmt.Sprintf("%s seen, %d without a known owner", plural(len(l.Listeners), "listener"), unknown)}
	if !l.Complete {
		d.Health, d.Text = ill, d.Text+"; the look is not complete"
	}
	return d
}

func (a *app) diagnoseFiles(context.Context) diagnosis {
	limit, err := openFiles()
	switch {
	case err != nil:
		return diagnosis{What: "open files", Health: hampered, Text: "the limit is not known: " + oneLine(err.Error())}
	case limit < 1024:
		return diagnosis{What: "open files", Health: hampered, Text: fmt.Sprintf("at most %d: scans are slower than they could be", limit),
			Mend: "raise the hard limit: LimitNOFILE= in the unit, or ulimit -Hn"}
	}
	return diagnosis{What: "open files", Health: well, Text: fmt.Sprintf("at most %d", limit)}
}

func (a *app) diagnoseData(context.Context) diagnosis {
	dir := a.dataFolder()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return diagnosis{What: "data folder", Health: ill, Text: oneLine(err.Error()), Mend: "name another one with --data"}
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err == nil {
		_, err = f.WriteString("written to see whether that works\n")
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return diagnosis{What: "data folder", Health: ill, Text: oneLine(explain(err)), Mend: "name another one with --data"}
	}
	return diagnosis{What: "data folder", Health: well, Text: dir + " can be written"}
}

func (a *app) diagnoseServer(ctx context.Context) diagnosis {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var hosts []portvigil.HostStatus
	err := a.client().get(ctx, at("hosts"), &hosts)
	switch {
	case portvigil.ErrorCode(err) == portvigil.CodeUnavailable:
		return diagnosis{What: "server", Health: well, Text: "none runs on " + a.dataFolder() + " (check and scan need none)"}
	case err != nil:
		return diagnosis{What: "server", Health: ill, Text: oneLine(err.Error()), Mend: "see its log, and start it again: portvigil serve"}
	}
	return diagnosis{What: "server", Health: well, Text: fmt.Sprintf("runs, and watches %s", plural(len(hosts), "host"))}
}

func (a *app) diagnoseBaseline(context.Context) diagnosis {
	path := a.baselineDefault()
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return diagnosis{What: "baseline", Health: well, Text: "none at " + filepath.Clean(path) + " (check --init writes it)"}
	}
	docs, err := readBaseline(path)
	if err != nil {
		return diagnosis{What: "baseline", Health: ill, Text: oneLine(err.Error())}
	}
	return diagnosis{What: "baseline", Health: well, Text: fmt.Sprintf("%s has %s", path, plural(len(docs), "document"))}
}

// firstDay is before the first version: a clock that shows an earlier day is
// one that was never set.
var firstDay = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (a *app) diagnoseClock(context.Context) diagnosis {
	if now := time.Now(); now.Before(firstDay) {
		return diagnosis{What: "clock", Health: ill, Text: "shows " + now.UTC().Format(time.RFC3339), Mend: "set it: expiry and hours depend on it"}
	}
	return diagnosis{What: "clock", Health: well, Text: time.Now().UTC().Format(time.RFC3339) + " on " + runtime.GOOS + "/" + runtime.GOARCH}
}
