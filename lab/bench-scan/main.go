package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const (
	memoryWanted = 60 << 10 // KiB of peak RSS
	rateWanted   = 2500     // SYN in any second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-scan:", err)
		stop()
		os.Exit(1)
	}
}

// run is the bench itself, or one of the parts that it starts inside of a
// namespace.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "listen":
			return listen(ctx)
		case "count":
			return count(os.Stdin, os.Stdout, args[1])
		case "look":
			return look(ctx, args[1], args[2])
		}
	}
	flags := flag.NewFlagSet("bench-scan", flag.ContinueOnError)
	connects := flags.Bool("connect", false, "measure the connect scan alone, beside nmap's")
	datagrams := flags.Bool("udp", false, "measure UDP ports with real daemons behind some, beside nmap")
	only := flags.String("only", "", "the one path to measure")
	rounds := flags.Int("rounds", 5, "how often each takes its turn")
	binary := flags.String("binary", "bin/portvigil", "the command to measure; where it is missing, this program looks itself")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("needs root, to make network namespaces")
	}
	if *datagrams {
		return benchUDP(ctx, *binary)
	}
	if *connects {
		return benchConnect(ctx, *rounds, *binary)
	}
	return benchPaths(ctx, *rounds, *only, *binary)
}
