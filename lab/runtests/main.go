// Runtests runs `go test` on packages and says in a few lines how it went: a
// line a package, the output of what failed, every skipped test with its reason,
// and as the last line the count, which is always of the form
//
//	N passed, N failed, N skipped
//
// It exits 1 when a test failed, and where CI=true also when one was skipped:
// a machine that is there to run the tests has no reason to leave one out.
//
// Nothing is taken from the test cache. A cached pass tells of the machine as it
// was, perhaps without the daemons that a test would now find.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// Options are the flags.
type options struct {
	race     bool
	lab      bool
	noSkips  bool
	run      string
	timeout  time.Duration
	packages []string
}

func main() {
	var o options
	flag.BoolVar(&o.race, "race", false, "run under the race detector (needs a C compiler)")
	flag.BoolVar(&o.lab, "lab", false, "only packages whose tests use the lab")
	flag.BoolVar(&o.noSkips, "no-skips", false, "a skipped test is a failure, as with CI=true")
	flag.StringVar(&o.run, "run", "", "only tests that match this `pattern`")
	// A package that takes longer than this hangs: the slowest, which drives the
	// whole program in the lab, needs under two minutes on two cores.
	flag.DurationVar(&o.timeout, "timeout", 12*time.Minute, "longest time for one package")
	flag.Parse()
	o.packages = flag.Args()
	if len(o.packages) == 0 {
		o.packages = []string{"./..."}
	}
	o.noSkips = o.noSkips || os.Getenv("CI") == "true"

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "runtests: "+err.Error())
		code = 2
	}
	os.Exit(code)
}

func run(ctx context.Context, o options) (code int, err error) {
	if o.lab {
		if o.packages, err = labPackages(ctx, o.packages); err != nil {
			return 0, err
		}
	}
	tally := newTally(os.Stdout)
	testErr := goTest(ctx, o, tally)
	// Test processes that were killed could not clear up after themselves.
	lab.Sweep()
	tally.finish(testErr)
	if tally.failed > 0 || o.noSkips && len(tally.skipped) > 0 {
		return 1, nil
	}
	return 0, nil
}

// goTest runs the tests and feeds their events to the tally. A non-nil error
// says that go itself failed, or was stopped.
func goTest(ctx context.Context, o options, tally *tally) error {
	// -vet=off: `make lint` vets everything, with more than the subset that go
	// test takes.
	args := []string{"test", "-json", "-count=1", "-vet=off", "-timeout=" + o.timeout.String()}
	if o.run != "" {
		args = append(args, "-run="+o.run)
	}
	if o.race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, o.packages...)...)
	if o.race {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	// Interrupted, go test stops the tests itself; WaitDelay is for one that
	// does not listen.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	cmd.Stderr = os.Stderr // downloads, and errors before any test runs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 64<<20) // a failing test may print a long line
	for lines.Scan() {
		tally.line(lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read go test's events: %w", err)
	}
	return cmd.Wait()
}

// labPackages keeps the packages whose tests import the lab, and the lab.
func labPackages(ctx context.Context, patterns []string) ([]string, error) {
	const form = `{{.ImportPath}}{{range .TestImports}} {{.}}{{end}}{{range .XTestImports}} {{.}}{{end}}`
	out, err := exec.CommandContext(ctx, "go", append([]string{"list", "-f", form}, patterns...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	const room = "github.com/portvigil/portvigil/lab"
	var found []string
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		for _, w := range words {
			if w == room {
				found = append(found, words[0])
				break
			}
		}
	}
	return found, nil
}
