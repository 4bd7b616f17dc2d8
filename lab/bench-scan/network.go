package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	scannerFour, targetFour = "10.97.0.1", "10.97.0.2"
	scannerSix, targetSix   = "fd00:97::1", "fd00:97::2"
)

// network is two namespaces and the wire between them.
type network struct{ scanner, target, targetMAC string }

func newNet(ctx context.Context) (*network, error) {
	tag := fmt.Sprintf("pvbench%d", os.Getpid())
	n := &network{scanner: tag + "s", target: tag + "t"}
	steps := []string{
		"netns add " + n.scanner, "netns add " + n.target,
		"-n " + n.scanner + " link add wire type veth peer name wire netns " + n.target,
	}
	for _, end := range [][3]string{{n.scanner, scannerFour, scannerSix}, {n.target, targetFour, targetSix}} {
		steps = append(steps, "-n "+end[0]+" addr add "+end[1]+"/24 dev wire",
			"-n "+end[0]+" addr add "+end[2]+"/64 dev wire nodad",
			"-n "+end[0]+" link set lo up", "-n "+end[0]+" link set wire up")
	}
	for _, step := range steps {
		if out, err := exec.CommandContext(ctx, "ip", strings.Fields(step)...).CombinedOutput(); err != nil {
			n.close()
			return nil, fmt.Errorf("ip %s: %w: %s", step, err, out)
		}
	}
	mac, err := in(ctx, n.target, "cat", "/sys/class/net/wire/address").Output()
	if err != nil {
		n.close()
		return nil, fmt.Errorf("read the target's link-layer address: %w", err)
	}
	n.targetMAC = strings.TrimSpace(string(mac))
	return n, nil
}

// close removes the namespaces, and with them the wire. It runs also after a
// signal, so it has no context.
func (n *network) close() {
	for _, name := range []string{n.scanner, n.target} {
		if out, err := exec.Command("ip", "netns", "del", name).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "ip netns del %s: %v: %s", name, err, out)
		}
	}
}

func in(ctx context.Context, namespace string, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", namespace}, argv...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// helper is a process of ours inside of the target's namespace, which ends when
// its standard input does.
type helper struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
}

func (n *network) start(ctx context.Context, args ...string) (*helper, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := in(ctx, n.target, append([]string{self}, args...)...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	h := &helper{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	if line, err := h.stdout.ReadString('\n'); err != nil || line != "ready\n" {
		h.stop()
		return nil, fmt.Errorf("%s did not get ready: %q %w", args[0], line, err)
	}
	return h, nil
}

func (h *helper) stop() {
	_ = h.stdin.Close() // it ends by this
	_ = h.cmd.Wait()    // what it says of its end changes nothing
}

func (n *network) startListening(ctx context.Context) (*helper, error) { return n.start(ctx, "listen") }

func (n *network) startCounting(ctx context.Context, address string) (*helper, error) {
	return n.start(ctx, "count", address)
}

// finish ends the counter and reads what it counted.
func (h *helper) finish() (c counted, err error) {
	err = h.stdin.Close()
	err = errors.Join(err, json.NewDecoder(h.stdout).Decode(&c))
	return c, errors.Join(err, h.cmd.Wait())
}

// contender is a scanner that is measured.
type contender struct {
	name string
	argv func(address, rate string) []string
	open func(stdout []byte) int
	said func(stdout []byte) said // nil: nothing else is asked
}

type outcome struct {
	took    time.Duration
	open    int
	said    said
	packets int // that left the scanner's namespace
	peakKiB int64
}

// measure runs a contender once. Its peak memory is the kernel's, which counts
// what stood between fork and exec too: never too little.
func (n *network) measure(ctx context.Context, c contender, address, rate string) (outcome, error) {
	cmd := in(ctx, n.scanner, c.argv(address, rate)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	before, err := n.sent(ctx)
	if err != nil {
		return outcome{}, err
	}
	began := time.Now()
	err = cmd.Run()
	o := outcome{took: time.Since(began)}
	if ended := new(exec.ExitError); err != nil && !(c.said != nil && errors.As(err, &ended) && ended.ExitCode() == incomplete) {
		return o, fmt.Errorf("%w: %s", err, stderr.Bytes())
	}
	if o.packets, err = n.sent(ctx); err != nil {
		return o, err
	}
	o.packets -= before
	o.open = c.open(stdout.Bytes())
	if c.said != nil {
		o.said = c.said(stdout.Bytes())
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.peakKiB = usage.Maxrss
	}
	return o, nil
}

// incomplete is the exit code of a look that is not complete.
const incomplete = 2

// sent is how many packets have left the scanner's namespace.
func (n *network) sent(ctx context.Context) (int, error) {
	out, err := in(ctx, n.scanner, "cat", "/sys/class/net/wire/statistics/tx_packets").Output()
	if err != nil {
		return 0, fmt.Errorf("count the packets sent: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// put replaces the target's packet filter.
func (n *network) put(ctx context.Context, rules string) error {
	cmd := in(ctx, n.target, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader("flush ruleset\n" + rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("set the target's packet filter: %w: %s", err, out)
	}
	return nil
}

func builtBinary(path string) (string, bool) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", false
	}
	info, err := os.Stat(absolute)
	return absolute, err == nil && info.Mode().IsRegular()
}

// openInRecords counts the open ports in JSON Lines.
func openInRecords(stdout []byte) (n int) {
	for line := range bytes.Lines(stdout) {
		var record struct{ Type, State string }
		if json.Unmarshal(line, &record) == nil && record.Type == "port" && record.State == "open" {
			n++
		}
	}
	return n
}

func openInXML(stdout []byte) int { return bytes.Count(stdout, []byte(`state="open"`)) }
