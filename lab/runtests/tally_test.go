package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// events are written as `ACTION PACKAGE TEST OUTPUT`, - for none, to keep the
// tables readable; the lines fed to the tally are go's JSON.
func feed(t *testing.T, tally *tally, lines ...string) {
	t.Helper()
	for _, l := range lines {
		f := strings.SplitN(l, " ", 4)
		json := `{"Action":"` + f[0] + `","Package":"` + module + "/" + f[1] + `"`
		if f[2] != "-" {
			json += `,"Test":"` + f[2] + `"`
		}
		if len(f) == 4 {
			json += `,"Output":"` + f[3] + `\n"`
		}
		tally.line([]byte(json + "}"))
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lines []string
		err   error
		want  string // the closing line
		told  string // must stand somewhere before it
	}{
		{name: "nothing ran", want: "0 passed, 0 failed, 0 skipped"},
		{
			name:  "a test with subtests counts as its subtests",
			lines: []string{"run a T", "run a T/x", "run a T/y", "pass a T/x", "pass a T/y", "pass a T", "pass a -"},
			want:  "2 passed, 0 failed, 0 skipped",
			told:  "ok   a ",
		},
		{
			name:  "a failing subtest is one failure, not two",
			lines: []string{"run a T", "run a T/x", "output a T/x got 1, want 2", "fail a T/x", "fail a T", "fail a -"},
			err:   errors.New("exit status 1"),
			want:  "0 passed, 1 failed, 0 skipped",
			told:  "FAILED a T/x\n    got 1, want 2",
		},
		{
			name: "a skip is told with its reason",
			lines: []string{"run a T", "output a T === RUN   T", "output a T     lab_test.go:12: needs root",
				"output a T --- SKIP: T (0.00s)", "skip a T", "pass a -"},
			want: "0 passed, 0 failed, 1 skipped",
			told: "a T: needs root",
		},
		{
			name:  "a test that never ended failed",
			lines: []string{"run a T", "run a U", "pass a U", "output a - panic: test timed out", "fail a -"},
			err:   errors.New("exit status 1"),
			want:  "1 passed, 1 failed, 0 skipped",
		},
		{
			name:  "a package that failed outside of its tests is a failure",
			lines: []string{"run a T", "pass a T", "output a - TestMain: no database", "fail a -"},
			err:   errors.New("exit status 1"),
			want:  "1 passed, 1 failed, 0 skipped",
			told:  "FAILED a\n    TestMain: no database",
		},
		{
			name:  "a package without tests is not counted",
			lines: []string{"start a -", "output a - no test files", "skip a -"},
			want:  "0 passed, 0 failed, 0 skipped",
		},
		{
			name: "go failing before any event is a failure",
			err:  errors.New("exit status 1"),
			want: "0 passed, 1 failed, 0 skipped",
			told: "FAILED go test: exit status 1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			tally := newTally(&out)
			feed(t, tally, c.lines...)
			tally.finish(c.err)
			lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if diff := cmp.Diff(c.want, lines[len(lines)-1]); diff != "" {
				t.Errorf("closing line (-want +got):\n%s", diff)
			}
			if !strings.Contains(out.String(), c.told) {
				t.Errorf("%q is not told in:\n%s", c.told, out.String())
			}
		})
	}
}

func TestABuildThatFailsIsToldWithTheCompilersWords(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	tally := newTally(&out)
	for _, l := range []string{
		`{"ImportPath":"` + module + `/a [x.test]","Action":"build-output","Output":"a.go:3:1: undefined: b\n"}`,
		`{"ImportPath":"` + module + `/a [x.test]","Action":"build-fail"}`,
		`{"Action":"fail","Package":"` + module + `/a","FailedBuild":"` + module + `/a [x.test]"}`,
	} {
		tally.line([]byte(l))
	}
	tally.finish(errors.New("exit status 1"))
	for _, want := range []string{"undefined: b", "0 passed, 1 failed, 0 skipped\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not told in:\n%s", want, out.String())
		}
	}
}
