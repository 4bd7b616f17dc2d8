package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

func (a *app) hostsImport() *cobra.Command {
	var dry bool
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Watch the hosts of a CSV file",
		Long: `Watches the hosts of a CSV file. Its first line names the columns: name and
address, and where wanted group, outside and inside. Several addresses, or
groups, are separated by blanks or semicolons.

The whole file is read before anything is added. Hosts that are watched already
stay as they are.`,
		Example: "  printf 'name,address,group\\nweb1,10.99.0.2,web\\n' | portvigil hosts import -\n  portvigil hosts import hosts.csv --dry-run",
		Args:    need(1, "FILE|-"),
		RunE: func(c *cobra.Command, args []string) error {
			in, err := a.open(args[0])
			if err != nil {
				return err
			}
			defer in.Close()
			hosts, err := readHosts(args[0], in)
			if err != nil {
				return err
			}
			return a.importHosts(c.Context(), hosts, dry)
		},
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "only say what would be added")
	return c
}

// importHosts adds what is not there yet. A host that is refused does not keep
// the others out; the last word is an error then.
func (a *app) importHosts(ctx context.Context, hosts []portvigil.Host, dry bool) error {
	var there []portvigil.HostStatus
	if err := a.client().get(ctx, at("hosts"), &there); err != nil {
		return err
	}
	added, kept, refused := 0, 0, 0
	for _, h := range hosts {
		if slices.ContainsFunc(there, func(s portvigil.HostStatus) bool { return s.Host.Name == h.Name }) {
			kept++
			continue
		}
		if !dry {
			if err := a.client().post(ctx, at("hosts"), h, &h); err != nil {
				refused++
				fmt.Fprintf(a.stderr, "portvigil: %s: %s\n", portvigil.Printable(h.Name), oneLine(explain(err)))
				continue
			}
		}
		added++
		if a.json {
			if err := a.record(hostRecord{"host", time.Now().UTC(), h}); err != nil {
				return err
			}
		}
	}
	if !a.json {
		verb := "added"
		if dry {
			verb = "to add"
		}
		fmt.Fprintf(a.stdout, "%s %s, %d watched already.\n", plural(added, "host"), verb, kept)
	}
	if refused > 0 {
		return portvigil.Errorf(portvigil.CodeInvalid, "%s refused, as said above", plural(refused, "host")).
			WithHint("mend the lines and import the file again: what is there stays")
	}
	return nil
}

// Columns of the CSV file.
const (
	columnName    = "name"
	columnAddress = "address"
	columnGroup   = "group"
	columnOutside = "outside"
	columnInside  = "inside"
)

// readHosts reads a CSV file (RFC 4180) whose first line names its columns. An
// error names the line.
func readHosts(file string, r io.Reader) ([]portvigil.Host, error) {
	rows := csv.NewReader(r)
	rows.Comment, rows.TrimLeadingSpace = '#', true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s is empty", file).WithHint("%s", columnsHint)
	}
	if err != nil {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s: %v", file, err)
	}
	columns, err := columnsOf(file, header)
	if err != nil {
		return nil, err
	}
	var hosts []portvigil.Host
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return hosts, nil
		}
		if err != nil {
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s: %v", file, err)
		}
		line, _ := rows.FieldPos(0)
		h, err := hostOfRow(columns, row)
		if err == nil && slices.ContainsFunc(hosts, func(o portvigil.Host) bool { return o.Name == h.Name }) {
			err = portvigil.Errorf(portvigil.CodeInvalid, "host %s stands there twice", h.Name)
		}
		if err != nil {
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s:%d: %v", file, line, err)
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
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s:1: there is no column %q", file, portvigil.Printable(title)).WithHint("%s", columnsHint)
		}
	}
	for _, title := range []string{columnName, columnAddress} {
		if _, there := columns[title]; !there {
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s:1: the column %s is missing", file, title).WithHint("%s", columnsHint)
		}
	}
	return columns, nil
}

func hostOfRow(columns map[string]int, row []string) (portvigil.Host, error) {
	cell := func(title string) string {
		if i, there := columns[title]; there {
			return strings.TrimSpace(row[i])
		}
		return ""
	}
	words := func(title string) []string {
		return strings.FieldsFunc(cell(title), func(r rune) bool { return r == ' ' || r == ';' || r == '\t' })
	}
	h := portvigil.Host{Name: cell(columnName), Targets: words(columnAddress), Groups: words(columnGroup)}
	if err := portvigil.CheckHostName(h.Name); err != nil {
		return h, err
	}
	if len(h.Targets) == 0 {
		return h, portvigil.Errorf(portvigil.CodeInvalid, "host %s has no address", h.Name)
	}
	for title, interval := range map[string]*time.Duration{columnOutside: &h.Outside, columnInside: &h.Inside} {
		text := cell(title)
		if text == "" {
			continue
		}
		d, err := time.ParseDuration(text)
		if err != nil {
			return h, portvigil.Errorf(portvigil.CodeInvalid, "%s %q is no span of time: write 24h or 30m", title, portvigil.Printable(text))
		}
		*interval = d
	}
	return h, nil
}
