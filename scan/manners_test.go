package scan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestWhatIsOddAboutAnswersIsNoted(t *testing.T) {
	t.Parallel()
	open := func(window int) answer { return answer{kind: answerOpen, window: window + 1} }
	for _, c := range []struct {
		name             string
		answers          []answer
		late, duplicates int
		want             []string // codes
	}{
		{name: "services", answers: []answer{open(64240), open(8192), {kind: answerClosed}, {kind: answerOpen}}},
		{name: "a SYN proxy", answers: []answer{open(0), open(64240)}, want: []string{"syn-proxy"}},
		{name: "a tarpit", answers: []answer{open(5), {kind: answerClosed}}, want: []string{"tarpit"}},
		{name: "a small device", answers: []answer{open(536)}},
		{name: "few that are late", answers: make([]answer, 9), late: 9, duplicates: 9},
		{name: "a slow way that repeats itself", late: 10, duplicates: 10, want: []string{"late", "duplicates"}},
		{name: "some of very many", answers: slices.Repeat([]answer{{kind: answerClosed}}, 1000), late: 49, duplicates: 49},
	} {
		m := manners{late: c.late, duplicates: c.duplicates}
		for _, a := range c.answers {
			m.see(a)
		}
		var codes []string
		m.notes(func(format string, args ...any) {
			code, _, _ := strings.Cut(fmt.Sprintf(format, args...), ":")
			codes = append(codes, code)
		})
		if fmt.Sprint(codes) != fmt.Sprint(c.want) {
			t.Errorf("%s: %q, want %q", c.name, codes, c.want)
		}
	}
}
