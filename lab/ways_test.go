package lab_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// ways is a site into which texts come by every way that there is.
type ways struct {
	*site
	api *http.Client // of the server's socket
}

// newWays has the server of a site tell nobody what comes.
func newWays(s *site) *ways {
	w := &ways{site: s, api: &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(s.data, "portvigil.sock"))
	}}}}
	s.t.Cleanup(w.api.CloseIdleConnections)
	for _, name := range []string{"ops", "team", "desk"} {
		w.done("DELETE", "/v1/channels/"+name, nil, nil)
	}
	return w
}

// refusal is an answer of the API that says why not.
type refusal struct{ Code, Message, Hint string }

// ask asks the API, and returns the status and the answer.
func (s *ways) ask(method, path string, body any) (int, []byte) {
	s.t.Helper()
	var text bytes.Buffer
	switch body := body.(type) {
	case nil:
	case string:
		text.WriteString(body)
	default:
		if err := json.NewEncoder(&text).Encode(body); err != nil {
			s.t.Fatalf("write what to ask: %v", err)
		}
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://portvigil"+path, &text)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	answer, err := s.api.Do(r)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, all
}

// done asks the API for what it has to do.
func (s *ways) done(method, path string, body, answer any) {
	s.t.Helper()
	status, text := s.ask(method, path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s answered %d: %.500s", method, path, status, text)
	}
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text, answer); err != nil {
		s.t.Fatalf("%s %s answered otherwise: %v: %.500s", method, path, err, text)
	}
}

// firstDoor is the port of the door that the first text is about; the others follow.
const firstDoor = 10_000

// mostAtOnce is how many doors may open at once without being one alert together.
const mostAtOnce = 90

// isAdded has a host of that name watched, at whose doors nothing is open yet: what
// is open at the first look is told otherwise.
func (s *ways) isAdded(name string, from *lab.Host, doors int) {
	s.t.Helper()
	// The first look, at all ports, ends at once where there is no way.
	s.route("add", "unreachable", from.IP4.String())
	s.done("POST", "/v1/hosts", portvigil.Host{Name: name, Targets: []string{from.IP4.String()}}, nil)
	s.must(2, "hosts", "look", name, "--outside")
	s.route("delete", "unreachable", from.IP4.String())
	s.says(name, nil, nil)
	s.must(0, "hosts", "look", name, "--outside", "-p", ports(0, doors))
}

// comes brings the texts to a host, one door each: it is open from outside and lies,
// and what has it open is called so as well. An alert is raised about each.
func (s *ways) comes(name string, from *lab.Host, texts []string) {
	s.t.Helper()
	var processes []portvigil.Process
	for i, text := range texts {
		from.Liar(s.t, uint16(firstDoor+i), text)
		processes = append(processes, namedProcess(text, text, text, text, text, text))
		if door := i + 1; door%mostAtOnce == 0 || door == len(texts) {
			s.must(1, "hosts", "look", name, "--outside", "-p", ports(i/mostAtOnce*mostAtOnce, door))
		}
	}
	for range 5 { // on a machine that is busy a caller speaks later than a liar waits
		var again []string
		for i, a := range s.alertsOf(name, len(texts)) {
			if a.Service == nil || a.Service.Certificate == nil || a.Service.Title == "" && legible(texts[i]) {
				again = append(again, strconv.Itoa(firstDoor+i))
			}
		}
		if len(again) == 0 {
			break
		}
		s.must(1, "hosts", "look", name, "--outside", "-p", strings.Join(again, ","))
	}
	s.says(name, processes, nil)
}

// alertsOf are the open alerts about doors of the host, in the order of their ports.
func (s *ways) alertsOf(name string, doors int) (list []portvigil.Alert) {
	s.t.Helper()
	s.done("GET", "/v1/alerts?open=true", nil, &list)
	list = slices.DeleteFunc(list, func(a portvigil.Alert) bool { return a.Host != name || a.Port == 0 })
	slices.SortFunc(list, func(a, b portvigil.Alert) int { return int(a.Port) - int(b.Port) })
	if len(list) != doors {
		s.t.Fatalf("%d alerts are about doors of %s, want one for each of %d", len(list), name, doors)
	}
	return list
}

// legible reports whether something is seen of a text: else it is no title.
func legible(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && portvigil.Printable(string(r)) == string(r) })
}

// ports are those of the doors of the texts from up to to.
func ports(from, to int) string { return fmt.Sprintf("%d-%d", firstDoor+from, firstDoor+to-1) }

// namedProcess is a process all of whose names are texts.
func namedProcess(exe, user, unit, container, pkg, version string) portvigil.Process {
	container = marked("container", container)
	return portvigil.Process{PID: 7, Exe: marked("exe", exe), User: marked("user", user), Unit: marked("unit.service", unit), Container: &container,
		Package: &portvigil.Package{Name: marked("package", pkg), Version: marked("version", version)}}
}

// says reports for a host that processes have its doors open, one each.
func (s *ways) says(name string, processes []portvigil.Process, notes []string) {
	s.t.Helper()
	var report bytes.Buffer
	lines, at, id := json.NewEncoder(&report), time.Now().UTC(), portvigil.NewID()
	look := portvigil.Look{ID: id, Run: id, View: portvigil.Inside, Method: portvigil.MethodSockDiag, Started: at, Ended: at, Complete: true,
		Covers: []portvigil.Coverage{portvigil.CoversSockets, portvigil.CoversOwners, portvigil.CoversPackages}}
	for _, note := range notes {
		look.Notes = append(look.Notes, marked("note", note))
	}
	for i := range processes {
		l := portvigil.Listener{Proto: portvigil.TCP, Address: netip.IPv4Unspecified(), Port: uint16(firstDoor + i), Scope: portvigil.ScopeAny, Process: &processes[i]}
		look.Listeners = append(look.Listeners, l)
		// Neither can fail: a Buffer takes all, and the records are plain.
		_ = lines.Encode(portvigil.ListenerRecord{Type: "listener", Time: at, Listener: l})
	}
	_ = lines.Encode(portvigil.RecordOfLook(&look))
	s.done("POST", "/v1/hosts/"+name+"/report", report.String(), nil)
}

// isFirstSeen reports doors of a new host, six texts each, that are to be explained.
func (s *ways) isFirstSeen(name string, texts []string) {
	s.t.Helper()
	s.done("POST", "/v1/hosts", portvigil.Host{Name: name, Targets: []string{s.nowhere()}}, nil)
	var processes []portvigil.Process
	for six := range slices.Chunk(texts, 6) {
		at := func(i int) string { return six[i%len(six)] }
		processes = append(processes, namedProcess(at(0), at(1), at(2), at(3), at(4), at(5)))
	}
	s.says(name, processes, texts)
}

// differs has doors of a new host differ from what its baseline holds fast, four texts
// each: what is wanted of program and user, and what is seen instead.
func (s *ways) differs(name string, texts []string) {
	s.t.Helper()
	s.done("POST", "/v1/hosts", portvigil.Host{Name: name, Targets: []string{s.nowhere()}}, nil)
	d := portvigil.Document{Host: name}
	var processes []portvigil.Process
	for four := range slices.Chunk(texts, 4) {
		at := func(i int) string { return marked("differs", inJSON(four[i%len(four)])) }
		port := uint16(firstDoor + len(processes))
		d.Entries = append(d.Entries, portvigil.Entry{Ports: portvigil.PortRange{First: port, Last: port}, Proto: portvigil.TCP, Why: "fine", Owner: "ann",
			Pin: portvigil.Pin{Exe: at(0), User: at(1)}})
		processes = append(processes, portvigil.Process{PID: 7, Exe: at(2), User: at(3)})
	}
	s.says(name, nil, nil)
	s.writes(d, 0)
	s.says(name, processes, nil)
}

// firstEntry is the port of the first entry that is written for a text.
const firstEntry = 30_000

// isWritten writes the texts into the baseline of a new host, one entry each, and then
// once more, each into the entry before.
func (s *ways) isWritten(name string, texts []string) {
	s.t.Helper()
	s.done("POST", "/v1/hosts", portvigil.Host{Name: name, Targets: []string{s.nowhere()}}, nil)
	for version := range 2 {
		d := portvigil.Document{Host: name}
		for i := range texts {
			text := inJSON(texts[(i+version)%len(texts)])
			port := uint16(firstEntry + i)
			d.Entries = append(d.Entries, portvigil.Entry{Ports: portvigil.PortRange{First: port, Last: port}, Proto: portvigil.TCP,
				Service: marked("service", text), Why: marked("why", text), Owner: marked("owner", text), Review: marked("review", text), From: []string{marked("vantage", text)},
				Pin: portvigil.Pin{Product: marked("pin", text), Version: text, Exe: text, User: text, HostKey: text, Certificate: text}})
		}
		s.writes(d, version)
	}
}

// writes saves a document as the version after the one that is named.
func (s *ways) writes(d portvigil.Document, after int) {
	s.t.Helper()
	s.done("POST", "/v1/baselines", []map[string]any{{"kind": "host", "name": d.Host, "version": after, "text": string(portvigil.FormatDocument(d))}}, nil)
}

// isInMaintenance begins maintenance of a host anew for some of the texts at a time.
func (s *ways) isInMaintenance(name string, texts []string) {
	s.t.Helper()
	for _, why := range batches("maintenance", onePage, texts) {
		s.done("POST", "/v1/hosts/"+name+"/maintenance", map[string]any{"until": time.Now().Add(time.Hour), "why": why}, nil)
	}
	s.done("DELETE", "/v1/hosts/"+name+"/maintenance", nil, nil)
}

// reviewed signs a review in which something was decided, with some of the texts as
// the name and others as the remark.
func (s *ways) reviewed(texts []string) {
	s.t.Helper()
	var agenda portvigil.Agenda
	s.done("GET", "/v1/review", nil, &agenda)
	first := agenda.Items[0]
	s.done("POST", "/v1/review", portvigil.ReviewRequest{Kind: first.Kind, Name: first.Name, Version: first.Version, Index: first.Index, Verdict: portvigil.ReviewKeep}, nil)
	s.done("POST", "/v1/review/sign", portvigil.ReviewSignature{Name: texts[0], Remark: batches("remark", onePage, texts)[0], Leave: true}, nil)
}

// onePage is a little less than a page shows of one text.
const onePage = 900

// batches are the texts in a role, as many at a time as have that many bytes. Those
// that are longer than a page shows are left out.
func batches(role string, most int, texts []string) (list []string) {
	batch := ""
	for _, text := range texts {
		text = marked(role, text)
		if len(text) > onePage {
			continue
		}
		if len(batch)+len(text) > most {
			list, batch = append(list, batch), ""
		}
		if batch != "" {
			batch += " "
		}
		batch += text
	}
	return append(list, batch)
}

// nowhere is an address that no look gets to, and that every look knows at once.
func (s *ways) nowhere() string {
	const address = "10.99.0.250"
	if out, err := s.scanner.Command(s.t.Context(), "ip", "route", "replace", "unreachable", address).CombinedOutput(); err != nil {
		s.t.Fatalf("ip route replace: %v: %s", err, out)
	}
	return address
}

// inJSON is what is left of a text in JSON, where a byte that is no UTF-8 is U+FFFD.
func inJSON(text string) string { return string([]rune(text)) }
