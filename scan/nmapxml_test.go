package scan

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	portvigil "github.com/portvigil/portvigil"
)

func xmlSample(banner string) []*portvigil.Look {
	at := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	return []*portvigil.Look{{
		Host: "db1" + banner, Address: netip.MustParseAddr("10.99.0.2"), Proto: portvigil.TCP, Ports: portvigil.AllPorts(),
		Method: portvigil.MethodConnect, Started: at, Ended: at.Add(28 * time.Second), Complete: true, DefaultState: portvigil.StateFiltered,
		Observations: []portvigil.Observation{
			{Port: 22, State: portvigil.StateOpen, Reason: portvigil.ReasonSynAck, Service: &portvigil.Service{
				Name: "ssh", Product: "OpenSSH" + banner, Version: "9.2p1" + banner, CPE: []string{"cpe:2.3:a:openbsd:openssh:9.2:p1:*:*:*:*:*:*"}, Confidence: 80}},
			{Port: 80, State: portvigil.StateClosed, Reason: portvigil.ReasonReset},
		},
	}}
}

// written is a file with the looks at one host.
func written(t *testing.T, looks []*portvigil.Look, meta XMLMeta) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	x := NewNmapXML(&b, meta)
	if err := errors.Join(x.Host(looks), x.Close(meta.Started)); err != nil {
		t.Fatal(err)
	}
	return &b
}

func TestAFileWithoutHostsIsWhole(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := NewNmapXML(&b, XMLMeta{}).Close(time.Now()); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, `total="0"`) || !strings.HasSuffix(text, "</nmaprun>\n") {
		t.Errorf("got\n%s", text)
	}
}

func TestHostileTextStaysWellFormed(t *testing.T) {
	t.Parallel()
	hostile := "\x00\x1b[2J<script>&\"']]>\xff\xfe\u0085\ufffe"
	b := written(t, xmlSample(hostile), XMLMeta{Args: "portvigil " + hostile})
	decoder := xml.NewDecoder(b)
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLegalTextIsKeptAndTheRestIsShown(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"nginx 1.2": "nginx 1.2", "é\t漢": "é\t漢", "a\x00b": `a\x00b`, "\xff": `\xff`, "\x1b[1m": `\x1b[1m`} {
		if got := legal(text); got != want {
			t.Errorf("legal(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTheFileHasWhatReadersOfThisFormatAskFor(t *testing.T) {
	t.Parallel()
	b := written(t, xmlSample(""), XMLMeta{Version: "1", Args: "portvigil scan db1"})
	for _, part := range []string{
		`<nmaprun scanner="nmap" args="portvigil scan db1"`, `xmloutputversion="1.05"`,
		`<scaninfo type="connect" protocol="tcp" numservices="65535" services="1-65535">`,
		`<address addr="10.99.0.2" addrtype="ipv4">`, `<hostname name="db1" type="user">`,
		`<extraports state="filtered" count="65533">`, `<port protocol="tcp" portid="22">`, `<state state="open" reason="syn-ack">`,
		`<service name="ssh" product="OpenSSH" version="9.2p1" method="probed" conf="8">`, `<hosts up="1" down="0" total="1">`,
	} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("lacks %s in\n%s", part, b.String())
		}
	}
}

func TestNdiffReadsTheFile(t *testing.T) {
	t.Parallel()
	ndiff, err := exec.LookPath("ndiff")
	if err != nil {
		t.Skip("ndiff is not installed")
	}
	folder := t.TempDir()
	var paths []string
	for i, looks := range [][]*portvigil.Look{xmlSample(""), xmlSample("")} {
		if i == 1 {
			looks[0].Observations = looks[0].Observations[:1]
		}
		b := written(t, looks, XMLMeta{Version: "1", Args: "portvigil scan db1"})
		path := filepath.Join(folder, string(rune('a'+i))+".xml")
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	out, err := exec.Command(ndiff, paths...).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), "80/tcp") {
		t.Errorf("ndiff: %v\n%s", err, out)
	}
}
