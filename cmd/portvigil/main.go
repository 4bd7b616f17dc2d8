// Command portvigil notices every door that opens on your servers.
//
// One file a subcommand; app.go holds what they share, exit.go turns errors
// into a message, a way out and an exit code, and serve_core.go is where the
// rooms are put together.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // an allow line's hours name a time zone, which a bare machine may lack
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}, os.Args[1:])
	stop()
	os.Exit(code)
}
