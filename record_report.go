package portvigil

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Bounds of what ReadInsideReport takes.
const (
	maxReport     = 64 << 20
	maxReportLine = 1 << 20
)

// ReadInsideReport reads what check --json prints into the inside look that it
// is. It returns an Error with CodeInvalid, naming the line, for what is no
// such report, and for one that was cut off before its look record.
func ReadInsideReport(r io.Reader) (*Look, error) {
	lines := bufio.NewScanner(io.LimitReader(r, maxReport))
	lines.Buffer(make([]byte, 64<<10), maxReportLine)
	var report LookBuilder
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		look, err := report.Add(line)
		switch {
		case err != nil:
			return nil, Errorf(CodeInvalid, "line %d of the report: %v", n, err).
				WithHint("give the whole output of: portvigil check --json")
		case look != nil && look.View != Inside:
			return nil, Errorf(CodeInvalid, "the report is a look from %q, not from inside", look.View)
		case look != nil:
			return look, nil
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, Errorf(CodeInvalid, "the report has a line of more than %d bytes", maxReportLine)
	} else if err != nil {
		return nil, fmt.Errorf("read the report: %w", err)
	}
	return nil, Errorf(CodeInvalid, "the report ends without a look record").
		WithHint("give the whole output of: portvigil check --json")
}
