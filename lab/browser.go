package lab

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// Browser is Debian's Chromium, headless, on a host of the lab that is its own.
// It reaches what Forward brings to that host's loopback, and nothing else: the
// lab has no way out, and no name but localhost is resolved.
type Browser struct {
	Host *Host

	process *Process
	ctx     context.Context // chromedp's, which carries the connection
}

// Browser starts a browser. It ends, with every process of it and all that it
// wrote, when the test does.
func (l *Lab) Browser(t testing.TB) *Browser {
	t.Helper()
	Require(t, "chromium")
	b := &Browser{Host: l.Host("browser")}
	// Not t.TempDir, whose path has the test's name in it: Chromium makes a socket
	// below, and unix(7) has room for 108 bytes.
	dir, err := os.MkdirTemp("", fmt.Sprintf("pvlab-%d-browser-", os.Getpid()))
	if err != nil {
		t.Fatalf("make a folder for the browser: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("remove the browser's folder: %v", err)
		}
	})
	pipe := b.start(t, dir)

	ctx, cancel := chromedp.NewAllocatorContext(context.Background(), pipe)
	b.ctx, _ = chromedp.NewContext(ctx, chromedp.WithLogf(b.note), chromedp.WithErrorf(b.note))
	t.Cleanup(func() {
		cancel()
		_ = pipe.Close() // it is gone in any case
		b.process.Signal(os.Kill)
		<-b.process.done
		// Those that it started: they still write to its folder.
		for deadline := time.Now().Add(patience); killAll(b.Host.ns) && time.Now().Before(deadline); {
			pause()
		}
	})
	// Not a context with a time limit: the first call's is the connection's.
	late := time.AfterFunc(patience, cancel)
	defer late.Stop()
	if _, err := chromedp.CallBrowser(b.ctx, browser.GetVersion, cdp.Empty{}); err != nil {
		t.Fatalf("the browser does not answer: %v; it printed:\n%s", err, b.process.Output())
	}
	return b
}

// start starts the program, to be spoken with over two pipes that it has as file
// descriptors 3 and 4: no port has to be open for it, and none found out.
func (b *Browser) start(t testing.TB, dir string) pipe {
	t.Helper()
	args := []string{
		"--headless", "--remote-debugging-pipe", "--user-data-dir=" + dir + "/profile",
		"--disable-gpu", "--disable-quic", "--no-first-run", "--no-default-browser-check",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad", "--disable-extensions",
		"--disable-features=Translate,MediaRouter,OptimizationHints", "--metrics-recording-only", "--password-store=basic",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
		// What is off the screen is shot and clicked, too.
		"--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
		"--force-color-profile=srgb", "--hide-scrollbars",
		// An element says what assistive technology is told of it.
		"--enable-blink-features=ComputedAccessibilityInfo",
		"--no-startup-window",
	}
	if os.Geteuid() == 0 {
		args = append(args, "--no-sandbox") // Chromium refuses to be root in one
	}
	theirs, commands, err := os.Pipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	defer theirs.Close()
	events, answers, err := os.Pipe()
	if err != nil {
		t.Fatalf("make a pipe: %v", err)
	}
	defer answers.Close()
	cmd := b.Host.Command(context.Background(), "chromium", args...)
	cmd.ExtraFiles = []*os.File{theirs, answers}
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir,
		"XDG_RUNTIME_DIR="+dir, "DBUS_SESSION_BUS_ADDRESS=disabled:", "DBUS_SYSTEM_BUS_ADDRESS=disabled:", "LANG=C.UTF-8", "TZ=UTC")
	b.process = start(t, cmd, "chromium")
	return pipe{chromedp.NewPipeConn(events, commands)}
}

// note keeps what chromedp complains of beside what the program prints: it
// matters only where something fails. An event that it cannot read is one that
// the browser has and it does not know yet.
func (b *Browser) note(format string, args ...any) {
	if !strings.HasPrefix(format, "could not unmarshal event") {
		fmt.Fprintf(&b.process.output, "chromedp: "+format+"\n", args...)
	}
}

// pipe is an allocator of chromedp for a browser that runs already.
type pipe struct{ *chromedp.PipeConn }

// Allocate speaks to the browser.
func (p pipe) Allocate(ctx context.Context, o ...chromedp.BrowserOption) (*chromedp.Browser, error) {
	return chromedp.NewBrowserTransport(ctx, p.PipeConn, o...)
}

// Wait has nothing to wait for: Process does.
func (pipe) Wait() {}

// Attaches says that the process is somebody else's to end.
func (pipe) Attaches() bool { return true }
