package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// path is what is between a scanner and the doors.
type path struct {
	name     string
	open     []int  // of doorPorts, those that answer
	rules    string // nftables, of the target
	filtered bool   // the ports that are not open are filtered, else closed
	nmap     []string
	masscan  bool
	least    time.Duration // that any scanner can need, 0 where nothing limits it
	wanted   string
}

// dropped are the doors that are open behind a firewall that drops the rest.
var dropped = []int{22, 80, 443, 8080, 20000, 55555}

// paths are the ways that are measured. The figures wanted are ratios to the best of
// nmap's times.
func paths() []path {
	set := func(ports []int) string { return strings.Trim(strings.ReplaceAll(fmt.Sprint(ports), " ", ","), "[]") }
	table := func(chains string) string { return "table inet path {\n" + chains + "\n}\n" }
	in := func(rules string) string {
		return "chain in { type filter hook input priority 0;\n" + rules + "\n}\n"
	}
	out := func(rules string) string {
		return "chain out { type filter hook output priority 0;\n" + rules + "\n}\n"
	}
	const syn = "tcp flags & (syn|ack) == syn "
	fast := []string{"-T4", "--min-rate 10000 -T4"}
	return []path{
		{name: "healthy", open: doorPorts, nmap: fast, masscan: true, wanted: "0.65"},
		{name: "default-drop", open: dropped, filtered: true, nmap: fast, masscan: true, wanted: "0.30",
			rules: table(in("meta l4proto tcp tcp dport != {" + set(dropped) + "} drop"))},
		{name: "5 % lost each way", open: doorPorts, nmap: fast, masscan: true, wanted: "0.50",
			rules: table(in("meta l4proto tcp numgen random mod 1000 < 50 drop") + out("meta l4proto tcp numgen random mod 1000 < 50 drop"))},
		{name: "1,000 SYN/s pass", open: doorPorts, nmap: fast[:1], least: 65535 * time.Second / 1000, wanted: "1.3 of the least",
			rules: table(in(syn + "limit rate over 1000/second burst 100 packets drop"))},
		{name: "200 resets/s pass", open: doorPorts, nmap: nil, least: 65535 * time.Second / 200,
			rules: table(out("tcp flags & rst == rst limit rate over 200/second burst 50 packets drop"))},
		{name: "banned half-way", open: doorPorts,
			rules: table("set banned { type ipv4_addr; flags timeout, dynamic; timeout 20s; }\n" +
				in("ip saddr @banned drop\n"+syn+"tcp dport != {"+set(doorPorts)+"} limit rate over 200/second burst 20000 packets add @banned { ip saddr timeout 20s } drop"))},
	}
}

// scanners are those that take turns on a path, PortVigil last.
func (p path) scanners(n *network, binary string) (list []contender) {
	for _, pace := range p.nmap {
		argv := slices.Concat([]string{"nmap", "-sS", "-p-", "-n", "-Pn", "-oX", "-"}, strings.Fields(pace), []string{targetFour})
		list = append(list, contender{name: "nmap " + pace, argv: func(string, string) []string { return argv }, open: openInXML, said: statesInXML})
	}
	if p.masscan {
		list = append(list, contender{name: "masscan 100k/s", open: openInList, said: nothingSaid, argv: func(string, string) []string {
			return []string{"masscan", targetFour, "-p1-65535", "--rate", "100000", "--wait", "5", "-oL", "-",
				"--interface", "wire", "--adapter-ip", scannerFour, "--router-mac", n.targetMAC} // it asks for neither by itself
		}})
	}
	return append(list, contender{name: "portvigil", open: openInRecords, said: lookInRecords, argv: func(_, rate string) []string {
		return []string{binary, "scan", targetFour, "--json", "--no-detect", "--method", "syn", "--host-rate", rate}
	}})
}

// benchPaths is the SYN scan beside nmap and masscan on every path.
func benchPaths(ctx context.Context, rounds int, only, binary string) error {
	binary, ok := builtBinary(binary)
	if !ok {
		return fmt.Errorf("%s is not built: make build", binary)
	}
	n, err := newNet(ctx)
	if err != nil {
		return err
	}
	defer n.close()
	target, err := n.startListening(ctx)
	if err != nil {
		return err
	}
	defer target.stop()
	var failed []string
	for _, p := range paths() {
		if only != "" && p.name != only {
			continue
		}
		if err := n.put(ctx, p.rules); err != nil {
			return err
		}
		failed = append(failed, p.race(ctx, n, binary, rounds)...)
		if err := ctx.Err(); err != nil {
			return err
		}
		failed = append(failed, p.polite(ctx, n, binary)...)
	}
	if len(failed) > 0 {
		return fmt.Errorf("%s", strings.Join(failed, "; "))
	}
	return nil
}

// race has the scanners take turns, and prints a line about each.
func (p path) race(ctx context.Context, n *network, binary string, rounds int) (failed []string) {
	runs := map[string][]outcome{}
	scanners := p.scanners(n, binary)
	for range rounds {
		for _, c := range scanners {
			if err := n.put(ctx, p.rules); err != nil { // no scanner is banned for another
				return append(failed, err.Error())
			}
			o, err := n.measure(ctx, c, targetFour, "unlimited")
			if ctx.Err() != nil {
				return failed
			}
			if err != nil {
				return append(failed, fmt.Sprintf("%s, %s: %v", p.name, c.name, err))
			}
			runs[c.name] = append(runs[c.name], o)
		}
	}
	best := time.Duration(0)
	fmt.Printf("\n%s: %d of 65,535 ports are open\n", p.name, len(p.open))
	for _, c := range scanners {
		took := median(runs[c.name])
		least, most := extremes(runs[c.name])
		fmt.Printf("  %-26s %9s  %7d packets  found %d to %d", c.name, took.Round(10*time.Millisecond), packets(runs[c.name]), least, most)
		if c.name != "portvigil" {
			if best == 0 || took < best && least == len(p.open) {
				best = took
			}
			fmt.Println(told(runs[c.name]))
			continue
		}
		switch {
		case p.least > 0:
			fmt.Printf("  %.2f of the least possible", took.Seconds()/p.least.Seconds())
		case best > 0:
			fmt.Printf("  %.2f of the best", took.Seconds()/best.Seconds())
		}
		if p.wanted != "" {
			fmt.Printf(" (wanted <= %s)", p.wanted)
		}
		fmt.Println(told(runs[c.name]))
		for _, o := range runs[c.name] {
			failed = append(failed, p.wrong(o)...)
		}
	}
	return failed
}

// wrong tells what a look says that is not so.
func (p path) wrong(o outcome) (failed []string) {
	if o.open > len(p.open) || o.said.complete && o.open < len(p.open) {
		failed = append(failed, fmt.Sprintf("%s: found %d of %d doors", p.name, o.open, len(p.open)))
	}
	closed, filtered := 65535-len(p.open), 0
	if p.filtered {
		closed, filtered = 0, closed
	}
	if o.said.complete && (o.said.closed != closed || o.said.filtered != filtered) {
		failed = append(failed, fmt.Sprintf("%s: %d closed and %d filtered, which are %d and %d", p.name, o.said.closed, o.said.filtered, closed, filtered))
	}
	return failed
}

// polite has PortVigil look once at its default rate, while the target counts.
func (p path) polite(ctx context.Context, n *network, binary string) (failed []string) {
	if err := n.put(ctx, p.rules); err != nil {
		return []string{err.Error()}
	}
	counter, err := n.startCounting(ctx, targetFour)
	if err != nil {
		return []string{err.Error()}
	}
	scanners := p.scanners(n, binary)
	o, err := n.measure(ctx, scanners[len(scanners)-1], targetFour, "auto")
	counted, countErr := counter.finish()
	switch {
	case err != nil:
		return []string{fmt.Sprintf("%s at the default rate: %v", p.name, err)}
	case countErr != nil:
		return []string{fmt.Sprintf("%s: count: %v", p.name, countErr)}
	}
	fmt.Printf("  at the default rate        %9s  %7d SYN      found %d  at most %d in any second%s\n", o.took.Round(10*time.Millisecond), counted.Total, o.open, counted.Most, told([]outcome{o}))
	if counted.Most > rateWanted || counted.Missed > 0 {
		failed = append(failed, fmt.Sprintf("%s: %d SYN in one second, %d of them all not counted", p.name, counted.Most, counted.Missed))
	}
	return append(failed, p.wrong(o)...)
}
