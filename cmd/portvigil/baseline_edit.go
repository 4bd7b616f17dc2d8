package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/inside"
)

func (a *app) baselineApprove(file *string) *cobra.Command {
	var q portvigil.ApproveRequest
	c := &cobra.Command{
		Use:   "approve HOST PORT/PROTO…|--all",
		Short: "Write doors into a host's baseline, with a reason and an owner",
		Long: `Writes doors into the host's baseline, and pins what is seen behind them (product,
executable, host key). Alerts that this explains are resolved as expected.`,
		Example: `  portvigil baseline approve web1 22/tcp 80/tcp --why "ssh and the shop" --owner ann
  portvigil baseline approve web1 --all --why "as installed" --owner ann`,
		Args: need(1, "HOST PORT/PROTO…"),
		RunE: func(c *cobra.Command, args []string) error {
			q.Doors = args[1:]
			switch {
			case q.Why == "" || q.Owner == "":
				return portvigil.Errorf(portvigil.CodeInvalid, "an approved door needs a reason and an owner").WithHint("add --why TEXT --owner NAME")
			case q.All == (len(q.Doors) > 0):
				return portvigil.Errorf(portvigil.CodeInvalid, "say which doors to approve").WithHint("name PORT/PROTO…, or give --all")
			}
			if *file != "" {
				return a.approveInFile(c.Context(), *file, args[0], q)
			}
			var v portvigil.BaselineVersion
			if err := a.client().post(c.Context(), at("baselines", args[0], "approve"), q, &v); err != nil {
				return err
			}
			if a.json {
				return a.record(versionRecord{"baseline", v.Time, v})
			}
			if v.Edit != "" {
				return a.showEdit(v.Edit)
			}
			return a.say("The baseline of %s is version %d.", args[0], v.Version)
		},
	}
	f := c.Flags()
	f.BoolVar(&q.All, "all", false, "every open door that is not in the baseline")
	f.StringVar(&q.Why, "why", "", "the reason, in a sentence")
	f.StringVar(&q.Owner, "owner", "", "who answers for it")
	f.StringVar(&q.Expires, "expires", "", "last day of the entries, 2027-06-30")
	return c
}

// approveInFile edits a file. What stands behind a door is only known, and
// pinned, where the host is this machine.
func (a *app) approveInFile(ctx context.Context, file, host string, q portvigil.ApproveRequest) error {
	text, err := readOrEmpty(file)
	if err != nil {
		return err
	}
	var listeners []portvigil.Listener
	if host == localName() {
		l, err := inside.Take(ctx, inside.Options{Host: host})
		if err != nil {
			return err
		}
		listeners = l.Listeners
	} else if q.All {
		return portvigil.Errorf(portvigil.CodeInvalid, "which doors of %s are open is not known here", portvigil.Printable(host)).WithHint("name them: PORT/PROTO…")
	}
	entries, err := a.entriesInFile(file, text, host, listeners, q)
	if err != nil {
		return err
	}
	text, err = portvigil.ApproveEntries(file, text, host, entries, time.Now())
	if err != nil {
		return err
	}
	if err := replaceFile(file, text, 0o644); err != nil {
		return err
	}
	return a.say("%s has %s for %s now.", file, plural(len(entries), "approved door"), host)
}

// readOrEmpty reads a baseline that may not be there yet.
func readOrEmpty(file string) ([]byte, error) {
	text, err := readBaselineText(file)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return nil, nil
	}
	return text, err
}

func (a *app) entriesInFile(file string, text []byte, host string, listeners []portvigil.Listener, q portvigil.ApproveRequest) ([]portvigil.Entry, error) {
	var doors []portvigil.Door
	for _, name := range q.Doors {
		d, err := portvigil.ParseDoor(name)
		if err != nil {
			return nil, err
		}
		doors = append(doors, d)
	}
	var until portvigil.Date
	if q.Expires != "" {
		var err error
		if until, err = portvigil.ParseDate(q.Expires); err != nil {
			return nil, err
		}
	}
	if q.All {
		ephemeral, err := inside.Ephemeral("")
		if err != nil {
			fmt.Fprintf(a.stderr, "portvigil: %s\n", oneLine(err.Error()))
		}
		covered, err := coveredBy(file, text, host)
		if err != nil {
			return nil, err
		}
		for _, e := range portvigil.EntriesFromListeners(listeners, ephemeral, q.Why, q.Owner) {
			if d := (portvigil.Door{Proto: e.Proto, Port: e.Ports.First}); !covered(listeners, d) {
				doors = append(doors, d)
			}
		}
	}
	var entries []portvigil.Entry
	for _, d := range doors {
		e := suggest(d, listeners, q)
		e.Expires = until
		entries = append(entries, e)
	}
	return entries, nil
}

// coveredBy returns a test whether every listener of a door is in the baseline.
func coveredBy(file string, text []byte, host string) (func([]portvigil.Listener, portvigil.Door) bool, error) {
	var b portvigil.Baseline
	if len(bytes.TrimSpace(text)) > 0 {
		docs, err := portvigil.ParseBaseline(file, text)
		if err != nil {
			return nil, err
		}
		b, _ = portvigil.BaselineFor(docs, host)
	}
	return func(listeners []portvigil.Listener, d portvigil.Door) bool {
		for _, l := range listeners {
			if l.Proto == d.Proto && l.Port == d.Port && l.Scope != portvigil.ScopeLoopback && len(b.CoveringInside(l, time.Now())) == 0 {
				return false
			}
		}
		return true
	}, nil
}

func suggest(d portvigil.Door, listeners []portvigil.Listener, q portvigil.ApproveRequest) portvigil.Entry {
	var scope portvigil.Scope
	var process *portvigil.Process
	for _, l := range listeners {
		if l.Proto != d.Proto || l.Port != d.Port {
			continue
		}
		if l.Scope.Rank() > scope.Rank() {
			scope = l.Scope
		}
		if process == nil {
			process = l.Process
		}
	}
	return portvigil.SuggestEntry(d, scope, nil, process, q.Why, q.Owner)
}

func (a *app) baselineRemove(file *string) *cobra.Command {
	return &cobra.Command{
		Use: "remove HOST PORT/PROTO", Short: "Take a door out of a host's baseline", Example: "  portvigil baseline remove web1 9100/tcp",
		Args: need(2, "HOST PORT/PROTO"),
		RunE: func(c *cobra.Command, args []string) error {
			d, err := portvigil.ParseDoor(args[1])
			if err != nil {
				return err
			}
			if *file == "" {
				var v portvigil.BaselineVersion
				path := at("baselines", args[0], fmt.Sprint(d.Port), string(d.Proto))
				if err := a.client().do(c.Context(), http.MethodDelete, path, nil, &v); err != nil {
					return err
				}
				if a.json {
					return a.record(versionRecord{"baseline", v.Time, v})
				}
				if v.Edit != "" {
					return a.showEdit(v.Edit)
				}
				return a.say("The baseline of %s is version %d.", args[0], v.Version)
			}
			text, err := readBaselineText(*file)
			if err != nil {
				return err
			}
			if text, err = portvigil.RemoveEntry(*file, text, args[0], d); err != nil {
				return err
			}
			if err := replaceFile(*file, text, 0o644); err != nil {
				return err
			}
			return a.say("%s is out of the baseline of %s.", d, args[0])
		},
	}
}

func (a *app) baselineImport(file *string) *cobra.Command {
	var why, owner string
	c := &cobra.Command{
		Use:   "import [HOST] FILE",
		Short: "Begin from saved ss -tuln text, nmap's XML or a baseline file",
		Long: `Takes doors from the saved output of "ss -tuln", from nmap's XML, or documents
from a baseline file; which of them a file is, is seen by its content. HOST is
this machine's name where it is left out (ss), or the host's name in the file
(nmap). Entries begin without a reason: "baseline review" lists them.`,
		Example: "  ss -tuln > baseline_ports.txt\n  portvigil baseline import baseline_ports.txt --file baseline.yaml\n  portvigil check --baseline baseline.yaml",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			host := ""
			if len(args) == 2 {
				host = args[0]
			}
			source := args[len(args)-1]
			in, err := a.open(source)
			if err != nil {
				return err
			}
			defer in.Close()
			text, err := io.ReadAll(io.LimitReader(in, largestBaseline))
			if err != nil {
				return fmt.Errorf("read %s: %w", source, unwrapPath(err))
			}
			return a.importText(c.Context(), *file, host, source, text, why, owner)
		},
	}
	c.Flags().StringVar(&why, "why", "", "reason that is written into every entry")
	c.Flags().StringVar(&owner, "owner", "", "owner that is written into every entry")
	return c
}

func (a *app) importText(ctx context.Context, file, host, source string, text []byte, why, owner string) error {
	var found map[string][]portvigil.Entry
	var err error
	switch portvigil.DetectImport(text) {
	case portvigil.ImportIsBaseline:
		return a.importDocuments(ctx, file, host, source, text)
	case portvigil.ImportIsSS:
		found, err = entriesOfSS(host, text, why, owner)
	case portvigil.ImportIsNmap:
		found, err = entriesOfNmap(host, text, why, owner)
	default:
		err = portvigil.Errorf(portvigil.CodeInvalid, "%s is neither the output of ss -tuln, nor nmap's XML, nor a baseline", source)
	}
	if err != nil {
		return err
	}
	for name, entries := range found {
		if err := a.addEntries(ctx, file, name, entries); err != nil {
			return err
		}
		if err := a.say("%s: %s taken from %s.", name, plural(len(entries), "entry"), source); err != nil {
			return err
		}
	}
	return nil
}

func entriesOfSS(host string, text []byte, why, owner string) (map[string][]portvigil.Entry, error) {
	listeners, err := portvigil.ImportSS(text)
	if err != nil {
		return nil, err
	}
	if host == "" {
		host = localName()
	}
	ephemeral, _ := inside.Ephemeral("") // the text may come from elsewhere: the default does as well
	return map[string][]portvigil.Entry{host: portvigil.EntriesFromListeners(listeners, ephemeral, why, owner)}, nil
}

func entriesOfNmap(host string, text []byte, why, owner string) (map[string][]portvigil.Entry, error) {
	looks, err := portvigil.ImportNmapXML(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	byHost := map[string][]portvigil.Look{}
	for _, l := range looks {
		byHost[l.Host] = append(byHost[l.Host], l)
	}
	if host != "" && len(byHost) > 1 {
		return nil, portvigil.Errorf(portvigil.CodeInvalid, "the file has %d hosts, and cannot be %s alone", len(byHost), host).WithHint("leave HOST out")
	}
	found := map[string][]portvigil.Entry{}
	for name, list := range byHost {
		if host != "" {
			name = host
		}
		found[name] = portvigil.EntriesFromLooks(list, why, owner)
	}
	return found, nil
}

// addEntries writes entries into a host's document, in the file or on the server.
func (a *app) addEntries(ctx context.Context, file, host string, entries []portvigil.Entry) error {
	if err := portvigil.CheckHostName(host); err != nil {
		return err
	}
	if file != "" {
		text, err := readOrEmpty(file)
		if err != nil {
			return err
		}
		if text, err = portvigil.ApproveEntries(file, text, host, entries, time.Now()); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("make the folder of %s: %w", file, unwrapPath(err))
		}
		return replaceFile(file, text, 0o644)
	}
	var v portvigil.BaselineVersion
	err := a.client().get(ctx, at("baselines", host), &v)
	if err != nil && portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		return err
	}
	text, err := portvigil.ApproveEntries("host "+host, []byte(v.Text), host, entries, time.Now())
	if err != nil {
		return err
	}
	docs := []portvigil.BaselineVersion{{Kind: "host", Name: host, Version: v.Version, Text: string(text)}}
	return a.client().post(ctx, at("baselines"), docs, nil)
}

// importDocuments takes a baseline file as it is.
func (a *app) importDocuments(ctx context.Context, file, host, source string, text []byte) error {
	docs, err := portvigil.SplitBaseline(source, text)
	if err != nil {
		return err
	}
	if host != "" {
		if docs, err = onlyHost(docs, host, source); err != nil {
			return err
		}
	}
	if file == "" {
		if err := a.client().post(ctx, at("baselines"), docs, nil); err != nil {
			return err
		}
		return a.say("%s taken from %s.", plural(len(docs), "document"), source)
	}
	var parts []string
	for _, d := range docs {
		parts = append(parts, strings.TrimRight(d.Text, "\n")+"\n")
	}
	err = createFile(file, []byte(strings.Join(parts, "---\n")), 0o644)
	var conflict *portvigil.Error
	if errors.As(err, &conflict) && conflict.Code == portvigil.CodeConflict {
		return portvigil.Errorf(portvigil.CodeConflict, "%s is there already, and is left as it is", file).WithHint("put the documents together by hand")
	}
	if err != nil {
		return err
	}
	return a.say("%s written into %s.", plural(len(docs), "document"), file)
}

func onlyHost(docs []portvigil.BaselineVersion, host, source string) ([]portvigil.BaselineVersion, error) {
	for _, d := range docs {
		if d.Kind == "host" && d.Name == host {
			return []portvigil.BaselineVersion{d}, nil
		}
	}
	return nil, portvigil.Errorf(portvigil.CodeNotFound, "%s has no document for host %s", source, host).WithHint("leave HOST out to take all of them")
}
