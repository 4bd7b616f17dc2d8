package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/scan"
)

// manyTargets is from how many on people see only the hosts that answer.
const manyTargets = 17

// scanView prints the looks of a scan, and holds them against the baseline.
type scanView struct {
	lookView
	docs    []portvigil.Document // nil: there is no baseline
	host    string               // of the baseline; "": the target's own name
	targets uint64
	name    string   // of the first target
	xml     *xmlFile // nil: none is asked for

	mu         sync.Mutex // guards all that follows, and the output
	bar        *progressLine
	failure    error // the first
	failures   int   // targets without a look
	looks      int
	incomplete int
	silent     int // looks that nothing answered
	differ     int
}

// progress shows how far the scan is.
func (v *scanView) progress(p scan.SweepProgress) {
	v.mu.Lock()
	defer v.mu.Unlock()
	what := v.name
	if p.Targets > 1 {
		what = fmt.Sprintf("%d of %d addresses", p.Done, p.Targets)
	}
	v.bar.show(portvigil.LookProgress{Address: what, Share: p.Share, Rate: p.Rate, Open: p.Open}, hindered(p.Progress))
}

// hindered says what keeps a scan from going faster.
func hindered(p scan.Progress) (text string) {
	if p.Loss >= 0.001 {
		text += fmt.Sprintf("  %.1f %% lost", 100*p.Loss)
	}
	if p.Limit > 0 {
		text += fmt.Sprintf("  limited to %.0f/s", p.Limit)
	}
	return text
}

// found shows what came of a target.
func (v *scanView) found(t scan.Target, looks []*portvigil.Look, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.bar.clear()
	for _, look := range looks {
		if err == nil {
			err = v.show(look)
		}
	}
	if v.xml != nil && err == nil {
		err = v.xml.Host(looks)
	}
	if err == nil {
		return
	}
	v.failures++
	if v.failure == nil {
		v.failure = err
	}
	if v.targets > 1 {
		fmt.Fprintf(v.app.stderr, "%s: %s\n", portvigil.Printable(t.Host), portvigil.Printable(err.Error()))
	}
}

// again shows what came of a target in an earlier part of the scan.
func (v *scanView) again(looks []*portvigil.Look) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, look := range looks {
		if err := v.show(look); err != nil {
			return err
		}
	}
	if v.xml == nil {
		return nil
	}
	return v.xml.Host(looks)
}

func (v *scanView) show(l *portvigil.Look) error {
	findings, err := v.findings(l)
	if err != nil {
		return err
	}
	v.looks++
	if !l.Complete {
		v.incomplete++
	}
	v.differ += len(findings)
	if len(findings) == 0 && !heardOf(l) {
		if v.silent++; v.targets >= manyTargets && !v.app.json {
			return nil // told in one line at the end
		}
	}
	for _, p := range portvigil.PortRecords(l) {
		if err := v.event(portvigil.LookEvent{Port: &p}); err != nil {
			return err
		}
	}
	for _, finding := range findings {
		if v.app.json {
			if err := v.app.record(finding); err != nil {
				return err
			}
		}
	}
	record := portvigil.RecordOfLook(l)
	if err := v.event(portvigil.LookEvent{Look: &record}); err != nil {
		return err
	}
	if !v.app.json {
		for _, finding := range findings {
			fmt.Fprintf(v.app.stdout, "%s %s\n", v.app.paint(string(finding.Severity), finding.Severity), finding.Text)
		}
	}
	return nil
}

// heardOf reports whether anything answered a look.
func heardOf(l *portvigil.Look) bool {
	return l.Complete || l.DefaultState == portvigil.StateClosed || len(l.Observations) > 0
}

// findings holds one look against the baseline. It is a comparison that was
// asked for, so it is made from whatever machine looked.
func (v *scanView) findings(l *portvigil.Look) ([]portvigil.FindingRecord, error) {
	if v.docs == nil {
		return nil, nil
	}
	host, err := baselineHost(v.docs, v.host, l.Host)
	if err != nil {
		return nil, err
	}
	baseline, _ := portvigil.BaselineFor(v.docs, host)
	seen := *l
	seen.OwnAddress, seen.Seq, seen.Received, seen.Host = false, 1, l.Ended, host
	s := portvigil.Situation{Now: l.Ended, AtOnce: true, Baseline: baseline, Trails: []portvigil.Trail{*portvigil.Replay([]*portvigil.Look{&seen})},
		Host: portvigil.Host{Name: host, Outside: portvigil.DefaultOutsideInterval, Inside: portvigil.DefaultInsideInterval}}
	var list []portvigil.FindingRecord
	for _, e := range portvigil.Join(s) {
		if e.Tells() {
			list = append(list, portvigil.RecordOfFinding(e, l.Ended))
		}
	}
	return list, nil
}

// baselineHost returns the host of the file that a target is: the one that was
// named, the target's own name, or the only one that there is.
func baselineHost(docs []portvigil.Document, wanted, target string) (string, error) {
	var names []string
	for _, d := range docs {
		if d.Host != "" {
			names = append(names, d.Host)
		}
	}
	name := wanted
	if name == "" {
		name = target
	}
	for _, n := range names {
		if n == name {
			return n, nil
		}
	}
	if wanted == "" && len(names) == 1 {
		return names[0], nil
	}
	return "", portvigil.Errorf(portvigil.CodeNotFound, "the baseline has no document for host %s", portvigil.Printable(name)).
		WithHint("name one of them with --host: %s", strings.Join(names, ", "))
}

// outcome is how the scan ends.
func (v *scanView) outcome(ctx context.Context) error {
	v.bar.clear()
	if v.silent > 0 && v.targets >= manyTargets && !v.app.json {
		fmt.Fprintf(v.app.stdout, "%s of %d got no answer at all\n", plural(v.silent, "look"), v.looks)
	}
	switch {
	case v.failure != nil && v.targets == 1:
		return failed(v.failure)
	case ctx.Err() != nil:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "stopped: what was found so far is printed, and is not complete").
			WithHint("to go on later from where it was, begin it with --checkpoint FILE"))
	case v.failures > 0:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "%s could not be looked at", plural(v.failures, "target")))
	case v.incomplete > 0:
		return failed(portvigil.Errorf(portvigil.CodeUnavailable, "%s of %d not complete: what is not listed there may still be open",
			plural(v.incomplete, "look"), v.looks).WithHint("see the notes, and scan again"))
	case v.differ > 0:
		return differs()
	}
	return nil
}
