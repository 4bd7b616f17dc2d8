package portvigil

import (
	"cmp"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of nmap's XML: a scan of all TCP ports of 256 hosts with scripts stays
// well below.
const (
	maxNmapBytes = 256 << 20
	maxNmapLooks = 100_000
)

// ImportNmapXML reads nmap's XML (-oX) as outside looks, one a host and
// protocol, from the vantage "nmap". None is complete: the file does not tell
// how many open ports may have been missed. What nmap looked up in its table of
// port numbers is left out, as nothing was seen of it.
//
// A run that was interrupted, or a file that was cut off, is refused with
// CodeInvalid: its hosts cannot be told from those that were not reached.
// Entities are never expanded and nothing else is opened, as encoding/xml knows
// neither.
func ImportNmapXML(r io.Reader) ([]Look, error) {
	limited := &io.LimitedReader{R: r, N: maxNmapBytes}
	d := xml.NewDecoder(limited)
	run := nmapRun{services: make(map[Proto]*PortSet), methods: make(map[Proto]Method)}
	var looks []Look
	for {
		token, err := d.Token()
		if err == nil {
			err = run.take(d, token, &looks)
		}
		switch {
		case errors.Is(err, io.EOF) && run.begun && run.finished:
			return looks, nil
		case errors.Is(err, io.EOF):
			return nil, run.unfinished()
		case limited.N <= 0 || len(looks) > maxNmapLooks:
			return nil, Errorf(CodeInvalid, "the XML is too long to be one scan").WithHint("scan fewer hosts a file")
		case err != nil:
			return nil, run.broken(err, d)
		}
	}
}

// nmapRun is what is known of the scan as a whole.
type nmapRun struct {
	begun, finished bool
	services        map[Proto]*PortSet
	methods         map[Proto]Method
}

func (run *nmapRun) unfinished() error {
	if !run.begun {
		return Errorf(CodeInvalid, "there is no <nmaprun> in it").WithHint("save it with: nmap -oX FILE …")
	}
	return Errorf(CodeInvalid, "nmap did not finish, so that the XML lacks hosts or ports").WithHint("run nmap again, and let it end")
}

func (run *nmapRun) broken(err error, d *xml.Decoder) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) && strings.Contains(syntax.Msg, "unexpected EOF") {
		return run.unfinished()
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	line, column := d.InputPos()
	return Errorf(CodeInvalid, "line %d:%d: no XML of nmap: %v", line, column, err).WithHint("save it with: nmap -oX FILE …")
}

// take reads one element below nmaprun.
func (run *nmapRun) take(d *xml.Decoder, t xml.Token, looks *[]Look) error {
	start, is := t.(xml.StartElement)
	if !is {
		return nil
	}
	if !run.begun && start.Name.Local != "nmaprun" {
		return run.unfinished()
	}
	switch start.Name.Local {
	case "nmaprun":
		run.begun = true
	case "scaninfo":
		return run.scanInfo(start)
	case "host":
		var h nmapHost
		if err := d.DecodeElement(&h, &start); err != nil {
			return err
		}
		made, err := run.looks(h)
		*looks = append(*looks, made...)
		return err
	case "finished":
		if exit := attribute(start, "exit"); exit != "" && exit != "success" {
			return run.unfinished()
		}
		run.finished = true
	}
	return nil
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (run *nmapRun) scanInfo(e xml.StartElement) error {
	proto, err := ParseProto(attribute(e, "protocol"))
	if err != nil {
		return nil // SCTP and IP protocols have no doors
	}
	ports, err := ParsePortSet(withoutPortZero(attribute(e, "services")))
	if err != nil {
		return err
	}
	run.services[proto] = ports
	run.methods[proto] = Method(attribute(e, "type"))
	return nil
}

// withoutPortZero drops the port that -p- does not ask for but -p0- does.
func withoutPortZero(services string) string {
	if rest, found := strings.CutPrefix(services, "0-"); found {
		return "1-" + rest
	}
	return strings.TrimPrefix(services, "0,")
}

type nmapHost struct {
	Start  int64 `xml:"starttime,attr"`
	End    int64 `xml:"endtime,attr"`
	Status struct {
		State string `xml:"state,attr"`
	} `xml:"status"`
	Addresses []struct {
		Addr string `xml:"addr,attr"`
		Type string `xml:"addrtype,attr"`
	} `xml:"address"`
	Names []struct {
		Name string `xml:"name,attr"`
		Type string `xml:"type,attr"`
	} `xml:"hostnames>hostname"`
	Extra []struct {
		State string `xml:"state,attr"`
		Count int    `xml:"count,attr"`
	} `xml:"ports>extraports"`
	Ports []nmapPort `xml:"ports>port"`
}

type nmapPort struct {
	Protocol string `xml:"protocol,attr"`
	Port     string `xml:"portid,attr"`
	State    struct {
		State  string `xml:"state,attr"`
		Reason string `xml:"reason,attr"`
	} `xml:"state"`
	Service *struct {
		Name    string `xml:"name,attr"`
		Product string `xml:"product,attr"`
		Version string `xml:"version,attr"`
		Tunnel  string `xml:"tunnel,attr"`
		Method  string `xml:"method,attr"`
		Conf    int    `xml:"conf,attr"`
	} `xml:"service"`
}

// looks returns a host's looks. A host that was down has none.
func (run *nmapRun) looks(h nmapHost) ([]Look, error) {
	var address netip.Addr
	for _, a := range h.Addresses {
		if parsed, err := netip.ParseAddr(a.Addr); err == nil && a.Type != "mac" && !address.IsValid() {
			address = parsed.Unmap()
		}
	}
	if h.Status.State == "down" || !address.IsValid() {
		return nil, nil
	}
	seen := make(map[Proto]map[uint16]Observation)
	for _, p := range h.Ports {
		proto, err := ParseProto(p.Protocol)
		if err != nil {
			continue
		}
		o, err := p.observation()
		if err != nil {
			return nil, err
		}
		if seen[proto] == nil {
			seen[proto] = make(map[uint16]Observation)
		}
		seen[proto][o.Port] = o
	}
	var out []Look
	for _, proto := range []Proto{TCP, UDP} {
		if seen[proto] == nil && run.services[proto] == nil {
			continue
		}
		out = append(out, run.look(h, address, proto, seen[proto]))
	}
	return out, nil
}

func (run *nmapRun) look(h nmapHost, address netip.Addr, proto Proto, seen map[uint16]Observation) Look {
	l := Look{Host: h.name(address), View: Outside, Vantage: "nmap", Address: address, Proto: proto,
		Ports: new(PortSet), Method: run.methods[proto], DefaultState: h.defaultState(),
		Started: time.Unix(h.Start, 0).UTC(), Ended: time.Unix(h.End, 0).UTC(),
		Notes: []string{"imported from nmap"}}
	if asked := run.services[proto]; asked != nil {
		l.Ports.Union(asked)
	}
	for port, o := range seen {
		l.Ports.Add(port)
		l.Observations = append(l.Observations, o)
	}
	slices.SortFunc(l.Observations, func(a, b Observation) int { return cmp.Compare(a.Port, b.Port) })
	return l
}

// name is what the user gave, else what its address resolves to, else the
// address.
func (h nmapHost) name(address netip.Addr) string {
	name := address.String()
	for _, n := range h.Names {
		if n.Name != "" && (n.Type == "user" || name == address.String()) {
			name = n.Name
		}
	}
	return name
}

// defaultState is the commonest of the states that nmap lists no ports for.
func (h nmapHost) defaultState() PortState {
	state, most := StateFiltered, -1
	for _, e := range h.Extra {
		s := PortState(e.State)
		if (s == StateClosed || s == StateFiltered || s == StateOpenFiltered) && e.Count > most {
			state, most = s, e.Count
		}
	}
	return state
}

// nmapReasons are those that have another name here.
var nmapReasons = map[string]Reason{"port-unreach": ReasonPortUnreachable, "conn-refused": ReasonReset}

func (p nmapPort) observation() (Observation, error) {
	n, err := strconv.ParseUint(p.Port, 10, 16)
	if err != nil || n == 0 {
		return Observation{}, Errorf(CodeInvalid, "port %s is not a number from 1 to 65535", quoteShort(p.Port))
	}
	o := Observation{Port: uint16(n), State: PortState(p.State.State), Reason: Reason(p.State.Reason)}
	if renamed, is := nmapReasons[p.State.Reason]; is {
		o.Reason = renamed
	}
	if s := p.Service; s != nil && s.Method == "probed" {
		o.Service = &Service{Name: s.Name, Product: s.Product, Version: s.Version,
			TLS: s.Tunnel == "ssl", Confidence: min(max(s.Conf, 0), 10) * 10}
	}
	return o, nil
}
