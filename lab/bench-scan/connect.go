package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// benchConnect is the connect scan beside nmap's.
func benchConnect(ctx context.Context, rounds int, binary string) error {
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
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours := contender{name: "portvigil", argv: func(address, rate string) []string {
		return []string{self, "look", address, rate}
	}, open: openInRecords}
	if path, ok := builtBinary(binary); ok {
		ours.argv = func(address, rate string) []string {
			return []string{path, "scan", address, "--json", "--no-detect", "--method", "connect", "--host-rate", rate}
		}
	} else {
		fmt.Printf("%s is not built: measuring the package in this program\n", binary)
	}
	var failed []string
	for _, address := range []string{targetFour, targetSix} {
		failed = append(failed, race(ctx, n, ours, address, rounds)...)
	}
	for _, address := range []string{targetFour, targetSix} {
		failed = append(failed, polite(ctx, n, ours, address)...)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%s", strings.Join(failed, "; "))
	}
	return nil
}

// race lets both take turns at one address.
func race(ctx context.Context, n *network, ours contender, address string, rounds int) (failed []string) {
	nmap := contender{name: "nmap", open: openInXML, argv: func(address, _ string) []string {
		argv := []string{"nmap", "-sT", "-T4", "-p-", "-n", "-Pn", "-oX", "-", address}
		if strings.Contains(address, ":") {
			argv = append(argv, "-6")
		}
		return argv
	}}
	runs := map[string][]outcome{}
	for range rounds {
		for _, c := range []contender{nmap, ours} {
			o, err := n.measure(ctx, c, address, "unlimited")
			if err != nil {
				return append(failed, fmt.Sprintf("%s at %s: %v", c.name, address, err))
			}
			runs[c.name] = append(runs[c.name], o)
		}
	}
	theirs, mine := median(runs["nmap"]), median(runs[ours.name])
	fmt.Printf("%-12s nmap -sT -T4 %v   portvigil %v   ratio %.2f (wanted <= 0.90)\n",
		address, theirs.Round(time.Millisecond), mine.Round(time.Millisecond), mine.Seconds()/theirs.Seconds())
	for _, c := range []string{"nmap", ours.name} {
		least, most := extremes(runs[c])
		fmt.Printf("    %-10s found %d to %d of %d, peak memory %.1f MB\n", c, least, most, len(doorPorts), float64(peak(runs[c]))/1024)
	}
	if least, most := extremes(runs[ours.name]); least != len(doorPorts) || most != len(doorPorts) {
		failed = append(failed, fmt.Sprintf("%s: found %d to %d of %d doors", address, least, most, len(doorPorts)))
	}
	if kib := peak(runs[ours.name]); kib > memoryWanted {
		failed = append(failed, fmt.Sprintf("%s: peak memory %d KiB is above %d", address, kib, memoryWanted))
	}
	return failed
}

// polite looks once at the default rate while the target counts.
func polite(ctx context.Context, n *network, ours contender, address string) (failed []string) {
	counter, err := n.startCounting(ctx, address)
	if err != nil {
		return []string{err.Error()}
	}
	o, err := n.measure(ctx, ours, address, "auto")
	counted, countErr := counter.finish()
	switch {
	case err != nil:
		return []string{fmt.Sprintf("default rate at %s: %v", address, err)}
	case countErr != nil:
		return []string{fmt.Sprintf("count at %s: %v", address, countErr)}
	}
	fmt.Printf("%-12s default rate: %v, found %d of %d, %d SYN in all, at most %d in any second (wanted <= %d), %d not counted\n",
		address, o.took.Round(time.Millisecond), o.open, len(doorPorts), counted.Total, counted.Most, rateWanted, counted.Missed)
	if counted.Most > rateWanted || counted.Missed > 0 || counted.Total < 65535 {
		failed = append(failed, fmt.Sprintf("%s: %d SYN in one second, %d of them all not counted", address, counted.Most, counted.Missed))
	}
	if o.open != len(doorPorts) {
		failed = append(failed, fmt.Sprintf("%s: found %d doors at the default rate", address, o.open))
	}
	return failed
}

func median(runs []outcome) time.Duration {
	var all []time.Duration
	for _, o := range runs {
		all = append(all, o.took)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func extremes(runs []outcome) (least, most int) {
	least = 1 << 16
	for _, o := range runs {
		least, most = min(least, o.open), max(most, o.open)
	}
	return least, most
}

func peak(runs []outcome) (kib int64) {
	for _, o := range runs {
		kib = max(kib, o.peakKiB)
	}
	return kib
}
