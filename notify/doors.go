package notify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// doorRows returns a line a door, its addresses gathered, in the alert's order.
// Rows that need nothing any more are left out, unless all are.
func doorRows(a *portvigil.Alert) []string {
	rows := slices.DeleteFunc(slices.Clone(a.Endpoints), func(e portvigil.AlertEndpoint) bool { return e.Explained })
	if len(rows) == 0 {
		rows = a.Endpoints
	}
	type door struct {
		name      string
		addresses []string
		about     string
	}
	var doors []*door
	byName := map[string]*door{}
	for _, e := range rows {
		name := doorName(e.Proto, e.Port, e.Ports)
		d := byName[name]
		if d == nil {
			d = &door{name: name}
			if listsDoors(a) {
				d.about = rowAbout(e)
			}
			byName[name], doors = d, append(doors, d)
		}
		if e.Address.IsValid() {
			d.addresses = append(d.addresses, addressLabel(a, e))
		}
	}
	if len(doors) == 0 && a.Port != 0 {
		doors = []*door{{name: doorName(a.Proto, a.Port, "")}}
	}
	var lines []string
	for _, d := range doors {
		lines = append(lines, d.name+" on "+addressList(d.addresses)+d.about)
	}
	return lines
}

func doorName(proto portvigil.Proto, port uint16, ports string) string {
	if ports != "" {
		return printable(ports, longestValue) + "/" + printable(string(proto), 20)
	}
	return printable(portvigil.Door{Proto: proto, Port: port}.String(), 40)
}

// addressLabel is the address, with its verdict where it is not the alert's.
func addressLabel(a *portvigil.Alert, e portvigil.AlertEndpoint) string {
	text := printable(e.Address.String(), 80)
	if !listsDoors(a) && e.Verdict != "" && portvigil.Kind(e.Verdict) != a.Kind {
		text += " (" + printable(string(e.Verdict), 40) + ")"
	}
	return text
}

// mostAddresses is how many addresses of one door a message lists.
const mostAddresses = 12

func addressList(addresses []string) string {
	switch n := len(addresses); {
	case n == 0:
		return "every address"
	case n > mostAddresses:
		return fmt.Sprintf("%s and %d more", strings.Join(addresses[:mostAddresses], ", "), n-mostAddresses)
	}
	return strings.Join(addresses, ", ")
}

// rowAbout says in few words what is behind one row of a list.
func rowAbout(e portvigil.AlertEndpoint) string {
	var parts []string
	if e.Service != nil {
		parts = append(parts, printable(e.Service.Label(), 80))
	}
	if p := e.Process; p != nil {
		who := printable(p.Exe, 100)
		if p.Unit != "" {
			who += ", unit " + printable(p.Unit, 80)
		}
		parts = append(parts, "opened by "+who)
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}
