// Doorman opens the doors that it is told to and keeps them open until it is
// killed: a listener about which there is nothing else to know. It prints "open"
// once all of them are.
//
//	doorman tcp/:9000 udp/127.0.0.1:53 tcp/[::1]:8000
//
// With -say it sends the text to everybody who connects, and as an answer to every
// datagram, Go escapes undone:
//
//	doorman -say '220 hello\r\n' tcp/:25
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

func main() {
	say := flag.String("say", "", "what everybody is told who connects or sends a datagram, with Go's `escapes`")
	flag.Parse()
	text, err := strconv.Unquote(`"` + *say + `"`)
	if err != nil {
		fmt.Fprintf(os.Stderr, "doorman: -say %s: %v\n", *say, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = keep(ctx, flag.Args(), text)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "doorman: "+err.Error())
		os.Exit(1)
	}
}

// keep holds the doors open until ctx ends.
func keep(ctx context.Context, doors []string, text string) error {
	var open []io.Closer
	var serving sync.WaitGroup
	defer func() {
		for _, o := range open {
			_ = o.Close() // it is going anyway
		}
		serving.Wait()
	}()
	for _, d := range doors {
		proto, address, _ := strings.Cut(d, "/")
		switch proto {
		case "tcp":
			l, err := net.Listen("tcp", address)
			if err != nil {
				return err
			}
			open = append(open, l)
			serving.Go(func() { greet(l, text) })
		case "udp":
			c, err := net.ListenPacket("udp", address)
			if err != nil {
				return err
			}
			open = append(open, c)
			if text != "" {
				serving.Go(func() { reply(c, text) })
			}
		default:
			return fmt.Errorf("door %q is neither tcp/ADDRESS nor udp/ADDRESS", d)
		}
	}
	fmt.Println("open")
	<-ctx.Done()
	return nil
}

// greet tells everybody the text and hangs up.
func greet(l net.Listener, text string) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed
		}
		_, _ = io.WriteString(c, text) // a caller that has gone hears nothing
		_ = c.Close()
	}
}

// reply answers every datagram with the text.
func reply(c net.PacketConn, text string) {
	var one [1]byte
	for {
		_, from, err := c.ReadFrom(one[:])
		if err != nil {
			return // closed
		}
		_, _ = c.WriteTo([]byte(text), from) // an asker that has gone hears nothing
	}
}
