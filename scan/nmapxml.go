package scan

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	portvigil "github.com/portvigil/portvigil"
)

// XMLMeta is what the head of the file says of the run.
type XMLMeta struct {
	Version string // of this program
	Args    string // the command line
	Started time.Time
}

// xmlVersion is the version of the output format that readers expect; it is the
// format's, not the program's.
const xmlVersion = "1.05"

// NmapXML writes looks in the XML format that nmap's -oX made common, so that ndiff
// and other readers of it take them: one host element an address, its default state
// as extraports. The scanner attribute says "nmap" because readers insist on it; the
// program's own name stands in args. Whatever a scanned host said is cleaned of what
// XML 1.0 (section 2.2) forbids. Nothing is kept of a host that was written.
type NmapXML struct {
	out     *bufio.Writer
	encoder *xml.Encoder
	meta    XMLMeta
	hosts   xmlHosts
	begun   bool
}

// NewNmapXML writes to w.
func NewNmapXML(w io.Writer, meta XMLMeta) *NmapXML {
	out := bufio.NewWriter(w)
	encoder := xml.NewEncoder(out)
	encoder.Indent("", " ")
	return &NmapXML{out: out, encoder: encoder, meta: meta}
}

// root is the element that all else is in.
var root = xml.Name{Local: "nmaprun"}

// begin writes the head of the file, which says what looks of each protocol are about.
func (x *NmapXML) begin(looks []*portvigil.Look) error {
	if x.begun {
		return nil
	}
	x.begun = true
	if _, err := x.out.WriteString(xml.Header + "<!DOCTYPE nmaprun>\n"); err != nil {
		return err
	}
	attribute := func(name, value string) xml.Attr { return xml.Attr{Name: xml.Name{Local: name}, Value: value} }
	if err := x.encoder.EncodeToken(xml.StartElement{Name: root, Attr: []xml.Attr{
		attribute("scanner", "nmap"), attribute("args", legal(x.meta.Args)), attribute("start", strconv.FormatInt(seconds(x.meta.Started), 10)),
		attribute("startstr", stamp(x.meta.Started)), attribute("version", legal(x.meta.Version)), attribute("xmloutputversion", xmlVersion),
	}}); err != nil {
		return err
	}
	for _, look := range looks {
		info := xmlScanInfo{Type: string(look.Method), Protocol: string(look.Proto), Number: look.Ports.Len(), Services: look.Ports.String()}
		if err := x.encoder.Encode(info); err != nil {
			return err
		}
	}
	return nil
}

// Host writes the looks at one address, one for each protocol, those that all hosts
// of the file have.
func (x *NmapXML) Host(looks []*portvigil.Look) error {
	if len(looks) == 0 {
		return nil
	}
	host := xmlHostOf(looks[0])
	for _, other := range looks[1:] {
		host.join(xmlHostOf(other))
	}
	if host.Status.State == "up" {
		x.hosts.Up++
	} else {
		x.hosts.Down++
	}
	x.hosts.Total++
	if err := errors.Join(x.begin(looks), x.encoder.Encode(host)); err != nil {
		return fmt.Errorf("write nmap XML: %w", err)
	}
	return nil
}

// Close writes the end of the file.
func (x *NmapXML) Close(ended time.Time) error {
	stats := xmlStats{Hosts: x.hosts, Finished: xmlFinished{Time: seconds(ended), TimeText: stamp(ended),
		Elapsed: fmt.Sprintf("%.2f", ended.Sub(x.meta.Started).Seconds()), Exit: "success"}}
	if err := errors.Join(x.begin(nil), x.encoder.Encode(stats), x.encoder.EncodeToken(xml.EndElement{Name: root}), x.encoder.Flush()); err != nil {
		return fmt.Errorf("write nmap XML: %w", err)
	}
	if _, err := x.out.WriteString("\n"); err != nil {
		return fmt.Errorf("write nmap XML: %w", err)
	}
	if err := x.out.Flush(); err != nil {
		return fmt.Errorf("write nmap XML: %w", err)
	}
	return nil
}

// join adds what a look by another protocol saw of the same address.
func (h *xmlHost) join(other xmlHost) {
	h.Start, h.End = min(h.Start, other.Start), max(h.End, other.End)
	if h.Status.State != "up" {
		h.Status = other.Status
	}
	h.Ports.Extra = append(h.Ports.Extra, other.Ports.Extra...)
	h.Ports.Port = append(h.Ports.Port, other.Ports.Port...)
}

func xmlHostOf(look *portvigil.Look) xmlHost {
	family := "ipv4"
	if look.Address.Is6() {
		family = "ipv6"
	}
	host := xmlHost{Start: seconds(look.Started), End: seconds(look.Ended),
		Address: xmlAddress{look.Address.String(), family}}
	if look.Host != "" && look.Host != look.Address.String() {
		host.Names = append(host.Names, xmlName{legal(look.Host), "user"})
	}
	host.Status = xmlStatus{State: "down", Reason: string(portvigil.ReasonNoResponse)}
	if look.Complete || len(look.Observations) > 0 || look.DefaultState == portvigil.StateClosed {
		host.Status = xmlStatus{State: "up", Reason: "user-set"}
	}
	if n := look.Ports.Len() - len(look.Observations); n > 0 {
		host.Ports.Extra = append(host.Ports.Extra, xmlExtra{string(look.DefaultState), n})
	}
	for _, o := range look.Observations {
		host.Ports.Port = append(host.Ports.Port, xmlPort{Protocol: string(look.Proto), ID: o.Port,
			State: xmlState{string(o.State), string(o.Reason)}, Service: xmlServiceOf(o.Service)})
	}
	return host
}

func xmlServiceOf(s *portvigil.Service) *xmlService {
	if s == nil || s.Name == "" && s.Product == "" {
		return nil
	}
	out := &xmlService{Name: legal(s.Name), Product: legal(s.Product), Version: legal(s.Version), Method: "probed", Confidence: s.Confidence / 10}
	if out.Name == "" {
		out.Name = "unknown"
	}
	if s.TLS {
		out.Tunnel = "ssl"
	}
	for _, cpe := range s.CPE {
		out.CPE = append(out.CPE, legal(cpe))
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.ANSIC) }

// seconds is the time as the format counts it; an unknown one is 0, since what
// the year 1 would be is more than readers take.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// legal writes each byte that is no UTF-8 or no character of XML 1.0 as \xNN, so
// that nothing is lost and nothing breaks a reader.
func legal(s string) string {
	var b strings.Builder
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		broken := r == utf8.RuneError && size == 1
		control := r < ' ' && r != '\t' && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f
		if broken || control || r == 0xfffe || r == 0xffff {
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\x%02x`, c)
			}
			continue
		}
		b.WriteString(s[i : i+size])
	}
	return b.String()
}

type xmlScanInfo struct {
	XMLName  xml.Name `xml:"scaninfo"`
	Type     string   `xml:"type,attr"`
	Protocol string   `xml:"protocol,attr"`
	Number   int      `xml:"numservices,attr"`
	Services string   `xml:"services,attr"`
}

type xmlHost struct {
	XMLName xml.Name   `xml:"host"`
	Start   int64      `xml:"starttime,attr"`
	End     int64      `xml:"endtime,attr"`
	Status  xmlStatus  `xml:"status"`
	Address xmlAddress `xml:"address"`
	Names   []xmlName  `xml:"hostnames>hostname"`
	Ports   xmlPorts   `xml:"ports"`
}

type xmlStatus struct {
	State  string `xml:"state,attr"`
	Reason string `xml:"reason,attr"`
}

type xmlAddress struct {
	Address string `xml:"addr,attr"`
	Type    string `xml:"addrtype,attr"`
}

type xmlName struct {
	Name string `xml:"name,attr"`
	Type string `xml:"type,attr"`
}

type xmlPorts struct {
	Extra []xmlExtra `xml:"extraports"`
	Port  []xmlPort  `xml:"port"`
}

type xmlExtra struct {
	State string `xml:"state,attr"`
	Count int    `xml:"count,attr"`
}

type xmlPort struct {
	Protocol string      `xml:"protocol,attr"`
	ID       uint16      `xml:"portid,attr"`
	State    xmlState    `xml:"state"`
	Service  *xmlService `xml:"service"`
}

type xmlState struct {
	State  string `xml:"state,attr"`
	Reason string `xml:"reason,attr"`
}

type xmlService struct {
	Name       string   `xml:"name,attr"`
	Product    string   `xml:"product,attr,omitempty"`
	Version    string   `xml:"version,attr,omitempty"`
	Tunnel     string   `xml:"tunnel,attr,omitempty"`
	Method     string   `xml:"method,attr"`
	Confidence int      `xml:"conf,attr"`
	CPE        []string `xml:"cpe"`
}

type xmlStats struct {
	XMLName  xml.Name    `xml:"runstats"`
	Finished xmlFinished `xml:"finished"`
	Hosts    xmlHosts    `xml:"hosts"`
}

type xmlFinished struct {
	Time     int64  `xml:"time,attr"`
	TimeText string `xml:"timestr,attr"`
	Elapsed  string `xml:"elapsed,attr"`
	Exit     string `xml:"exit,attr"`
}

type xmlHosts struct {
	Up    int `xml:"up,attr"`
	Down  int `xml:"down,attr"`
	Total int `xml:"total,attr"`
}
