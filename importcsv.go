package portvigil

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// Columns of a CSV file of hosts.
const (
	columnName    = "name"
	columnAddress = "address"
	columnGroup   = "group"
	columnOutside = "outside"
	columnInside  = "inside"
)

// ReadHosts reads a CSV file (RFC 4180) whose first line names its columns. An
// error names the line.
func ReadHosts(file string, r io.Reader) ([]Host, error) {
	rows := csv.NewReader(r)
	rows.Comment, rows.TrimLeadingSpace = '#', true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, Errorf(CodeInvalid, "%s is empty", file).WithHint("%s", columnsHint)
	}
	if err != nil {
		return nil, Errorf(CodeInvalid, "%s: %v", file, err)
	}
	columns, err := columnsOf(file, header)
	if err != nil {
		return nil, err
	}
	var hosts []Host
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return hosts, nil
		}
		if err != nil {
			return nil, Errorf(CodeInvalid, "%s: %v", file, err)
		}
		line, _ := rows.FieldPos(0)
		h, err := hostOfRow(columns, row)
		if err == nil && slices.ContainsFunc(hosts, func(o Host) bool { return o.Name == h.Name }) {
			err = Errorf(CodeInvalid, "host %s stands there twice", h.Name)
		}
		if err != nil {
			return nil, Errorf(CodeInvalid, "%s:%d: %v", file, line, err)
		}
		hosts = append(hosts, h)
	}
}

const columnsHint = "its first line names the columns: name,address,group,outside,inside"

// columnsOf returns where each column stands.
func columnsOf(file string, header []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, title := range header {
		// Spreadsheets begin a file with a byte order mark.
		title = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(title, "\ufeff")))
		switch title {
		case columnName, columnAddress, columnGroup, columnOutside, columnInside:
			columns[title] = i
		default:
			return nil, Errorf(CodeInvalid, "%s:1: there is no column %s", file, Quoted(title)).WithHint("%s", columnsHint)
		}
	}
	for _, title := range []string{columnName, columnAddress} {
		if _, there := columns[title]; !there {
			return nil, Errorf(CodeInvalid, "%s:1: the column %s is missing", file, title).WithHint("%s", columnsHint)
		}
	}
	return columns, nil
}

func hostOfRow(columns map[string]int, row []string) (Host, error) {
	cell := func(title string) string {
		if i, there := columns[title]; there {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	words := func(title string) []string {
		return strings.FieldsFunc(cell(title), func(r rune) bool { return r == ' ' || r == ';' || r == '\t' })
	}
	h := Host{Name: cell(columnName), Targets: words(columnAddress), Groups: words(columnGroup)}
	if err := CheckHostName(h.Name); err != nil {
		return h, err
	}
	if len(h.Targets) == 0 {
		return h, Errorf(CodeInvalid, "host %s has no address", h.Name)
	}
	for title, interval := range map[string]*time.Duration{columnOutside: &h.Outside, columnInside: &h.Inside} {
		text := cell(title)
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			return h, Errorf(CodeInvalid, "%s %s is no span of time: write 24h or 30m", title, Quoted(text))
		}
		*interval = d
	}
	return h, nil
}
