package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// said is what a scanner says of the ports that are not open, and of itself.
type said struct {
	closed, filtered int
	complete         bool // portvigil's word
	missed           *float64
	notes            []string
}

func nothingSaid([]byte) (s said) { return s }

// statesInXML counts the states in a file of nmap's.
func statesInXML(stdout []byte) (s said) {
	var file struct {
		Host struct {
			Extra []struct {
				State string `xml:"state,attr"`
				Count int    `xml:"count,attr"`
			} `xml:"ports>extraports"`
			Ports []struct {
				State struct {
					State string `xml:"state,attr"`
				} `xml:"state"`
			} `xml:"ports>port"`
		} `xml:"host"`
	}
	if xml.Unmarshal(stdout, &file) != nil {
		return s
	}
	count := func(state string, n int) {
		switch state {
		case "closed":
			s.closed += n
		case "filtered":
			s.filtered += n
		}
	}
	for _, extra := range file.Host.Extra {
		count(extra.State, extra.Count)
	}
	for _, port := range file.Host.Ports {
		count(port.State.State, 1)
	}
	return s
}

// lookInRecords reads the record of the look.
func lookInRecords(stdout []byte) (s said) {
	for line := range bytes.Lines(stdout) {
		var r struct {
			Type             string
			Complete         bool
			MissProbability  *float64 `json:"miss_probability"`
			Closed, Filtered int
			Notes            []string
		}
		if json.Unmarshal(line, &r) == nil && r.Type == "look" {
			s = said{closed: r.Closed, filtered: r.Filtered, complete: r.Complete, missed: r.MissProbability, notes: r.Notes}
		}
	}
	return s
}

// openInList counts the open ports in masscan's list.
func openInList(stdout []byte) (n int) { return bytes.Count(stdout, []byte("open tcp ")) }

// told is what the runs say of themselves.
func told(runs []outcome) string {
	complete, notes, worst := 0, map[string]bool{}, 0.0
	states := map[string]bool{}
	for _, o := range runs {
		if o.said.complete {
			complete++
		}
		if o.said.missed != nil {
			worst = max(worst, *o.said.missed)
		}
		for _, note := range o.said.notes {
			code, _, _ := strings.Cut(note, ":")
			notes[code] = true
		}
		states[fmt.Sprintf("%d closed, %d filtered", o.said.closed, o.said.filtered)] = true
	}
	var all []string
	for state := range states {
		all = append(all, state)
	}
	slices.Sort(all)
	text := "  (" + strings.Join(all[:min(3, len(all))], "; ")
	if complete > 0 || len(notes) > 0 {
		text += fmt.Sprintf("; complete %d of %d, missed <= %.1g", complete, len(runs), worst)
		for note := range notes {
			text += ", " + note
		}
	}
	return text + ")"
}

// packets is the median of those that were sent.
func packets(runs []outcome) int {
	var all []int
	for _, o := range runs {
		all = append(all, o.packets)
	}
	slices.Sort(all)
	return all[len(all)/2]
}
