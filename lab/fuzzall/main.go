// Fuzzall runs every fuzz target of the packages for some seconds each: go's own
// -fuzz takes one target of one package at a time. It stops at the first that
// fails, whose input go has then written beside the test.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

func main() {
	each := flag.Duration("time", 5*time.Second, "how long each target runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := fuzz(ctx, *each, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz: "+err.Error())
		os.Exit(1)
	}
}

func fuzz(ctx context.Context, each time.Duration, patterns []string) error {
	packages, err := exec.CommandContext(ctx, "go", append([]string{"list"}, patterns...)...).Output()
	if err != nil {
		return fmt.Errorf("list packages: %w", err)
	}
	ran := 0
	for pkg := range bytes.FieldsSeq(packages) {
		listed, err := exec.CommandContext(ctx, "go", "test", "-vet=off", "-list=^Fuzz", string(pkg)).Output()
		if err != nil {
			return fmt.Errorf("list the targets of %s: %w", pkg, err)
		}
		for _, target := range targets(listed) {
			fmt.Printf("%s %s\n", pkg, target)
			cmd := exec.CommandContext(ctx, "go", "test", "-vet=off", "-run=^$",
				"-fuzz=^"+target+"$", "-fuzztime="+each.String(),
				// Else minimizing an input that found something new may take all the time.
				"-fuzzminimizetime=1x", string(pkg))
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("%s %s: %w\n%s", pkg, target, err, out)
			}
			ran++
		}
	}
	fmt.Printf("fuzz: %d targets held\n", ran)
	return nil
}

var targetLine = regexp.MustCompile(`(?m)^Fuzz\w*$`)

// targets picks the names out of what go test -list prints.
func targets(listed []byte) []string {
	return targetLine.FindAllString(string(listed), -1)
}
