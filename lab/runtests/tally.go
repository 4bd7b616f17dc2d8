package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

const module = "github.com/portvigil/portvigil"

// event is one line of `go test -json` (go doc test2json; "build-" actions since
// Go 1.24 carry ImportPath instead of Package).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string
}

// tally counts what the events tell. A test that has subtests is not counted
// beside them, unless it failed, or was skipped, by itself.
type tally struct {
	out     io.Writer
	running map[testKey]*test
	builds  map[string]*strings.Builder // compiler output by import path
	counts  map[string]*count           // by package

	passed, failed int
	skipped        []skip
	failures       []string
	tail           strings.Builder // lines that are no event
}

type testKey struct{ pkg, name string }

type test struct {
	output   strings.Builder
	parented bool // it has subtests
	failed   bool // one of them failed
}

type count struct {
	passed, failed, skipped int
	output                  strings.Builder // what no test printed: panics, TestMain
}

type skip struct{ name, reason string }

func newTally(out io.Writer) *tally {
	return &tally{out: out, running: map[testKey]*test{},
		builds: map[string]*strings.Builder{}, counts: map[string]*count{}}
}

// line takes one line of go's output.
func (t *tally) line(b []byte) {
	var e event
	if err := json.Unmarshal(b, &e); err != nil || e.Action == "" {
		t.tail.Write(append(b, '\n'))
		return
	}
	switch {
	case e.Action == "build-output":
		t.build(e.ImportPath).WriteString(e.Output)
	case e.Package == "":
	case e.Test == "":
		t.packageEvent(e)
	default:
		t.testEvent(e)
	}
}

func (t *tally) build(path string) *strings.Builder {
	if t.builds[path] == nil {
		t.builds[path] = new(strings.Builder)
	}
	return t.builds[path]
}

func (t *tally) count(pkg string) *count {
	if t.counts[pkg] == nil {
		t.counts[pkg] = new(count)
	}
	return t.counts[pkg]
}

func (t *tally) testEvent(e event) {
	key := testKey{e.Package, e.Test}
	c := t.count(e.Package)
	switch e.Action {
	case "run":
		t.running[key] = new(test)
		if parent := t.running[parentOf(key)]; parent != nil {
			parent.parented = true
		}
	case "output":
		if r := t.running[key]; r != nil {
			r.output.WriteString(e.Output)
		}
	case "pass", "fail", "skip":
		r := t.running[key]
		if r == nil {
			r = new(test)
		}
		delete(t.running, key)
		t.ended(key, e.Action, r, c)
	}
}

func parentOf(k testKey) testKey {
	if i := strings.LastIndexByte(k.name, '/'); i >= 0 {
		return testKey{k.pkg, k.name[:i]}
	}
	return testKey{}
}

func (t *tally) ended(key testKey, action string, r *test, c *count) {
	name := short(key.pkg) + " " + key.name
	switch action {
	case "fail":
		if parent := t.running[parentOf(key)]; parent != nil {
			parent.failed = true
		}
		t.failures = append(t.failures, name+"\n"+indent(r.output.String()))
		if r.failed {
			return // counted with the subtest that failed
		}
		c.failed++
		t.failed++
	case "skip":
		c.skipped++
		t.skipped = append(t.skipped, skip{name, skipReason(r.output.String())})
	case "pass":
		if r.parented {
			return // counted with its subtests
		}
		c.passed++
		t.passed++
	}
}

// packageEvent takes what no single test told.
func (t *tally) packageEvent(e event) {
	c := t.count(e.Package)
	switch e.Action {
	case "output":
		c.output.WriteString(e.Output)
		return
	case "pass", "fail":
	default:
		return // "start", and "skip": a package without tests
	}
	if e.Action == "fail" {
		t.packageFailed(e, c)
	}
	mark := "ok  "
	if e.Action == "fail" {
		mark = "FAIL"
	}
	line := fmt.Sprintf("%s %-22s %6.1f s  %d passed", mark, short(e.Package), e.Elapsed, c.passed)
	if c.failed > 0 {
		line += fmt.Sprintf(", %d failed", c.failed)
	}
	if c.skipped > 0 {
		line += fmt.Sprintf(", %d skipped", c.skipped)
	}
	fmt.Fprintln(t.out, line)
}

// packageFailed sees to it that a package that failed counts at least one
// failure: one that did not compile, panicked, or ran out of time has tests that
// never ended, or none at all.
func (t *tally) packageFailed(e event, c *count) {
	var unended []testKey
	for key := range t.running {
		if key.pkg == e.Package {
			unended = append(unended, key)
		}
	}
	slices.SortFunc(unended, func(a, b testKey) int { return strings.Compare(b.name, a.name) })
	for _, key := range unended { // subtests before their parents
		r := t.running[key]
		delete(t.running, key)
		t.ended(key, "fail", r, c)
	}
	if c.failed > 0 && e.FailedBuild == "" {
		return
	}
	c.failed++
	t.failed++
	told := c.output.String()
	if b := t.builds[e.FailedBuild]; b != nil {
		told = b.String() + told
	}
	t.failures = append(t.failures, short(e.Package)+"\n"+indent(told))
}

// finish writes what a person needs, and the count as the last line. err is why
// go itself ended; a tally without any failure then gets one.
func (t *tally) finish(err error) {
	if err != nil && t.failed == 0 {
		t.failed++
		t.failures = append(t.failures, "go test: "+err.Error()+"\n"+indent(t.tail.String()))
	}
	for _, f := range t.failures {
		fmt.Fprintf(t.out, "\nFAILED %s", f)
	}
	if len(t.skipped) > 0 {
		fmt.Fprintln(t.out, "\nskipped:")
		for _, s := range t.skipped {
			fmt.Fprintf(t.out, "  %s: %s\n", s.name, s.reason)
		}
	}
	fmt.Fprintf(t.out, "%d passed, %d failed, %d skipped\n", t.passed, t.failed, len(t.skipped))
}

// position is what testing puts before a message: its file and line.
var position = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: `)

// skipReason finds the message of t.Skip in a test's output: the last line that
// is not testing's own.
func skipReason(output string) string {
	reason := "no reason given"
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(position.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
		if line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ") {
			continue
		}
		reason = line
	}
	return reason
}

func short(pkg string) string {
	if pkg == module {
		return "portvigil"
	}
	return strings.TrimPrefix(pkg, module+"/")
}

func indent(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("    " + line)
	}
	if s != "" && !strings.HasSuffix(s, "\n") {
		b.WriteByte('\n')
	}
	return b.String()
}
