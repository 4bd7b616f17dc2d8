package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	portvigil "github.com/portvigil/portvigil"
)

// TestMain lets the test binary stand for the processes that the namespace tests
// start inside of their namespaces: a network namespace belongs to a thread, and
// a look has several.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "look-in-namespace":
			os.Exit(exitCode(lookInNamespace(os.Args[2])))
		case "listen-in-namespace":
			os.Exit(exitCode(listenInNamespace(os.Args[2:])))
		case "forge-in-namespace":
			os.Exit(exitCode(forgeInNamespace(os.Args[2])))
		}
	}
	os.Exit(m.Run())
}

func exitCode(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// lookRequest is a look that a test wants done elsewhere.
type lookRequest struct {
	Target     Target
	Ports      string
	Rate       Rate
	References []uint16
	Method     Method
	Proto      portvigil.Proto
}

// lookInNamespace prints "begun" at the first progress and the look at the end.
func lookInNamespace(text string) error {
	var r lookRequest
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	spec, err := ParsePorts(r.Ports)
	if err != nil {
		return err
	}
	ports := spec.TCP
	if r.Proto == portvigil.UDP {
		ports = spec.UDP
	}
	told := false
	look, err := Look(context.Background(), r.Target, Options{Ports: ports, Proto: r.Proto, Method: r.Method, HostRate: r.Rate, References: r.References,
		Progress: func(p Progress) {
			if !told && p.Open > 0 {
				told = true
				fmt.Println("begun")
			}
		}})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(look)
}

// listenInNamespace accepts on the addresses until its input ends.
func listenInNamespace(addresses []string) error {
	for _, address := range addresses {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		defer l.Close()
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
