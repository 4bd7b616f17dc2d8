package portvigil

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a saved listing; a machine with every port bound has 131,070 lines.
const (
	maxListingBytes = 64 << 20
	maxListingLines = 300_000
)

// ImportSS reads the saved text of ss -tuln, with or without its header (-H),
// its protocol column (ss -tln) and its processes (-p), or of netstat -tuln.
//
//	Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process
//	tcp   LISTEN 0      128          0.0.0.0:22        0.0.0.0:*    users:(("sshd",pid=812,fd=3))
//
// Connections, and sockets that are neither TCP nor UDP, are passed over. A line
// that makes no sense is named with its number, all such lines together, with
// CodeInvalid. A process is known by its short name only: Process.Exe is then
// that name, without a slash, and nothing can be pinned on it.
func ImportSS(text []byte) ([]Listener, error) {
	if len(text) > maxListingBytes || bytes.Count(text, []byte("\n")) > maxListingLines {
		return nil, Errorf(CodeInvalid, "the listing is longer than any machine's").WithHint("save it anew with: ss -tuln > FILE")
	}
	old := bytes.Contains(text, []byte(" :::")) // ss before 4.13 and netstat
	var out []Listener
	var errs []error
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		number++
		l, is, err := parseSocketLine(strings.TrimRight(line, " \t\r\n"), old)
		if err != nil && len(errs) < maxBaselineErrors {
			errs = append(errs, Errorf(CodeInvalid, "line %d: %s", number, err.Error()))
		}
		if is {
			out = append(out, l)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if number == 0 || len(out) == 0 {
		return nil, Errorf(CodeInvalid, "no listening socket in it").WithHint("save it with: ss -tuln > FILE")
	}
	return mergeSame(out), nil
}

// mergeSame makes one listener of lines for the same socket address: with
// SO_REUSEPORT every process has a line of its own.
func mergeSame(ls []Listener) []Listener {
	type key struct {
		door   Door
		a      netip.Addr
		device string
	}
	at := make(map[key]int)
	var out []Listener
	for _, l := range ls {
		k := key{Door{l.Proto, l.Port}, l.Address, l.Device}
		i, known := at[k]
		if !known {
			at[k] = len(out)
			out = append(out, l)
			continue
		}
		first := &out[i]
		first.V6Only = first.V6Only && l.V6Only
		for _, p := range l.owners() {
			first.addOwner(p)
		}
	}
	return out
}

// addOwner notes an owner as the order of lines has it: the first other than
// pid 1 leads, each further executable is named once.
func (l *Listener) addOwner(p Process) {
	switch {
	case l.Process == nil:
		l.Process, l.ProcessUnknown = &p, ""
	case l.Process.Exe == p.Exe, slices.ContainsFunc(l.Others, func(o Process) bool { return o.Exe == p.Exe }):
	case l.Process.PID == 1:
		l.Others = append(l.Others, *l.Process)
		l.Process = &p
	default:
		l.Others = append(l.Others, p)
	}
}

var (
	socketStates = []string{"LISTEN", "UNCONN"}
	otherStates  = []string{"ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "CLOSE", "CLOSE-WAIT", "LAST-ACK", "CLOSING"}
	otherSockets = []string{"nl", "u_str", "u_dgr", "u_seq", "p_raw", "p_dgr", "raw", "icmp6", "sctp", "dccp", "mptcp", "tipc", "v_str", "v_dgr", "xdp", "ti_st"}
)

// parseSocketLine returns the listener of a line, and whether it is about one.
func parseSocketLine(line string, old bool) (Listener, bool, error) {
	fields := strings.Fields(line)
	if len(fields) == 0 || isListingHeader(fields) {
		return Listener{}, false, nil
	}
	proto, known := listingProto(fields[0])
	switch {
	case slices.Contains(socketStates, fields[0]), slices.Contains(otherStates, fields[0]):
		// ss leaves the protocol out where it was asked for one only.
		proto = TCP
		if fields[0] == "UNCONN" {
			proto = UDP
		}
		return parseSSFields(proto, fields, line, old)
	case known && len(fields) > 1 && isNumber(fields[1]):
		return parseNetstatFields(proto, fields, old)
	case known && len(fields) > 1:
		return parseSSFields(proto, fields[1:], line, old)
	case slices.Contains(otherSockets, fields[0]), line[0] == '\t', line[0] == '#':
		return Listener{}, false, nil
	}
	return Listener{}, false, Errorf(CodeInvalid, "%s is no line of ss -tuln or netstat -tuln", quoteShort(line)).
		WithHint("take it out, or save the listing anew")
}

func isListingHeader(fields []string) bool {
	return slices.Contains([]string{"Netid", "State", "Proto", "Active"}, fields[0]) ||
		fields[0] == "Recv-Q" || len(fields) > 2 && fields[0] == "(Not" // netstat's remark about processes
}

func listingProto(s string) (Proto, bool) {
	switch s {
	case "tcp", "tcp6":
		return TCP, true
	case "udp", "udp6", "udpl":
		return UDP, true
	}
	return "", false
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// parseSSFields reads State Recv-Q Send-Q Local Peer …
func parseSSFields(proto Proto, fields []string, line string, old bool) (Listener, bool, error) {
	if slices.Contains(otherStates, fields[0]) {
		return Listener{}, false, nil
	}
	if !slices.Contains(socketStates, fields[0]) || len(fields) < 4 || !isNumber(fields[1]) || !isNumber(fields[2]) {
		return Listener{}, false, Errorf(CodeInvalid, "%s lacks a column", quoteShort(line)).
			WithHint("the listing may be cut off; save it anew with: ss -tuln > FILE")
	}
	l, err := listenerAt(proto, fields[3], old)
	if err != nil {
		return Listener{}, false, err
	}
	for _, p := range ssProcesses(line) {
		l.addOwner(p)
	}
	return l, true, nil
}

// ssProcess is one owner as ss -p writes it; a quote within a name is written
// as it is, so that the name ends where the pid follows.
var ssProcess = regexp.MustCompile(`\("(.{1,64}?)",pid=(\d{1,9}),`)

func ssProcesses(line string) []Process {
	_, users, found := strings.Cut(line, "users:(")
	if !found {
		return nil
	}
	var out []Process
	for _, m := range ssProcess.FindAllStringSubmatch(users, 256) {
		pid, _ := strconv.Atoi(m[2])
		out = append(out, Process{PID: pid, Exe: bareName(m[1])})
	}
	return out
}

// bareName makes sure that a short name is not taken for a path.
func bareName(s string) string { return strings.ReplaceAll(s, "/", "_") }

// parseNetstatFields reads Proto Recv-Q Send-Q Local Foreign [State] [PID/Program].
func parseNetstatFields(proto Proto, fields []string, old bool) (Listener, bool, error) {
	if len(fields) < 5 {
		return Listener{}, false, Errorf(CodeInvalid, "%s lacks a column", quoteShort(strings.Join(fields, " "))).
			WithHint("the listing may be cut off; save it anew with: netstat -tuln > FILE")
	}
	rest := fields[5:]
	if proto == TCP {
		if len(rest) == 0 || rest[0] != "LISTEN" {
			return Listener{}, false, nil
		}
		rest = rest[1:]
	} else if len(rest) > 0 && rest[0] == "ESTABLISHED" {
		return Listener{}, false, nil
	}
	l, err := listenerAt(proto, fields[3], old)
	if err != nil {
		return Listener{}, false, err
	}
	for _, f := range rest {
		pid, name, found := strings.Cut(f, "/")
		if n, err := strconv.Atoi(pid); found && err == nil && n > 0 && name != "" {
			l.addOwner(Process{PID: n, Exe: bareName(name)})
			break
		}
	}
	return l, true, nil
}

// listenerAt reads a local address: 0.0.0.0:22, [::]:22, :::22, *:80,
// 127.0.0.53%lo:53, [fe80::1]%eth0:546.
func listenerAt(proto Proto, local string, old bool) (Listener, error) {
	colon := strings.LastIndexByte(local, ':')
	if colon < 0 {
		return Listener{}, Errorf(CodeInvalid, "%s is no address and port", quoteShort(local))
	}
	host, number := local[:colon], local[colon+1:]
	port, err := parsePort(number)
	if err != nil {
		e := Errorf(CodeInvalid, "port %s is not a number", quoteShort(number))
		return Listener{}, e.WithHint("save the listing with -n: ss -tuln > FILE")
	}
	l := Listener{Proto: proto, Port: port, ProcessUnknown: "the saved listing does not tell"}
	if host == "*" {
		// ss writes * for a socket that takes both families; before 4.13 it
		// wrote * for 0.0.0.0, and a ::: beside it shows that.
		l.Address = netip.IPv6Unspecified()
		if old {
			l.Address = netip.IPv4Unspecified()
		}
		l.Scope = ScopeAny
		return l, nil
	}
	host, l.Device = withoutDevice(host)
	if l.Address, err = netip.ParseAddr(host); err != nil {
		return Listener{}, Errorf(CodeInvalid, "%s is not an address", quoteShort(host)).
			WithHint("save the listing with -n: ss -tuln > FILE")
	}
	l.V6Only = l.Address == netip.IPv6Unspecified() && !old
	l.Address = l.Address.Unmap()
	l.Scope = ScopeOf(l.Address)
	return l, nil
}

// withoutDevice splits off %eth0, and brackets, in either order.
func withoutDevice(host string) (address, device string) {
	address, device, _ = strings.Cut(strings.NewReplacer("[", "", "]", "").Replace(host), "%")
	return address, device
}

// quoteShort quotes foreign text for a message, at most 60 bytes of it.
func quoteShort(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return fmt.Sprintf("%q", s)
}
