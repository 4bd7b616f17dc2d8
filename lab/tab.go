package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is one page of a browser, and whoever sits before it: it is looked at,
// clicked and typed into as people do. What goes wrong in it meanwhile (Trouble)
// fails the test at its end. A tab is used by one goroutine at a time.
type Tab struct {
	browser *Browser
	ctx     context.Context
	seen    witness

	axeComes bool // every page that is opened from now on has axe
}

// Tab opens a tab of somebody who has no cookie yet, 1440 pixels wide and light.
// Nothing is taken from the cache, so that every visit weighs what the first does.
func (b *Browser) Tab(t testing.TB) *Tab {
	t.Helper()
	return b.tab(t, b.ctx, chromedp.WithNewBrowserContext())
}

// Another opens a further tab of the same person, with the same cookies.
func (tab *Tab) Another(t testing.TB) *Tab {
	t.Helper()
	return tab.browser.tab(t, tab.ctx)
}

func (b *Browser) tab(t testing.TB, parent context.Context, o ...chromedp.ContextOption) *Tab {
	t.Helper()
	tab := &Tab{browser: b}
	var cancel context.CancelFunc
	tab.ctx, cancel = chromedp.NewContext(parent, append(o, chromedp.WithListener(tab.listen))...)
	t.Cleanup(func() {
		tab.hearOut()
		cancel()
		tab.seen.answering.Wait()
		for _, trouble := range tab.Trouble() {
			t.Errorf("in the browser: %s", trouble)
		}
	})
	// The first call opens the tab, which lives as long as the call's context.
	late := time.AfterFunc(patience, cancel)
	defer late.Stop()
	if _, err := chromedp.Call(tab.ctx, accessibility.Enable, cdp.Empty{}); err != nil {
		t.Fatalf("open a tab: %v; the browser printed:\n%s", err, b.process.Output())
	}
	call(t, tab, audits.Enable, cdp.Empty{})
	call(t, tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	tab.Viewport(t, 1440, 900, 1)
	tab.Scheme(t, Light)
	return tab
}

// hearOut returns when all has come that the page told until now: it tells in order,
// and so before it answers. A page that has gone tells nothing more.
func (tab *Tab) hearOut() {
	ctx, cancel := context.WithTimeout(tab.ctx, quietTime)
	defer cancel()
	_, _ = chromedp.Call(ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: "0"})
}

// call sends a command of the protocol, and fails the test where it fails.
func call[P, R any](t testing.TB, tab *Tab, command cdp.Command[P, R], params P) R {
	t.Helper()
	return run(t, tab, command.Method, func(ctx context.Context, target *chromedp.Target) (R, error) {
		return cdp.Call(ctx, target, command, params)
	})
}

// run runs an action that has to succeed within the patience there is.
func run[R any](t testing.TB, tab *Tab, what string, action chromedp.Action[R]) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	r, err := chromedp.Run(ctx, action)
	if err != nil {
		t.Fatalf("in the browser: %s: %v%s", what, err, tab.lastWords())
	}
	return r
}

// lastWords is what the browser printed, where it has gone.
func (tab *Tab) lastWords() string {
	select {
	case <-tab.browser.process.Done():
		return fmt.Sprintf("; it ended (%v) and printed:\n%s", tab.browser.process.Err(), tab.browser.process.Output())
	default:
		return ""
	}
}

// Open goes to a page, waits until it has loaded, and returns its status.
func (tab *Tab) Open(t testing.TB, url string) int {
	t.Helper()
	tab.seen.anew()
	r := run(t, tab, "open "+url, chromedp.NavigateResponse(url))
	return int(r.Status)
}

// Loads does what leads to another page, waits until that has loaded, and returns
// its status. It fails the test where no page follows.
func (tab *Tab) Loads(t testing.TB, do func()) int {
	t.Helper()
	tab.seen.anew()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	r, err := chromedp.RunResponse(ctx, chromedp.Func(func(context.Context, *chromedp.Target) error {
		do()
		return nil
	}))
	if err != nil {
		t.Fatalf("in the browser: no page followed within %v: %v%s", patience, err, tab.lastWords())
	}
	return int(r.Status)
}

// Viewport makes the page that many CSS pixels wide and high, each of scale dots.
// A zoom of 200 % is half the size at twice the scale.
func (tab *Tab) Viewport(t testing.TB, width, height int, scale float64) {
	t.Helper()
	call(t, tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: scale})
}

// Scheme is the colour scheme that a reader asks for.
type Scheme string

// The colour schemes.
const (
	Light Scheme = "light"
	Dark  Scheme = "dark"
)

// Scheme sets what the reader asks for. Motion is always reduced: what moves is
// not what is judged.
func (tab *Tab) Scheme(t testing.TB, s Scheme) {
	t.Helper()
	call(t, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: string(s)}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// WithoutScript stops every script of the pages that are opened from now on. What
// the test evaluates runs all the same, as long as it waits for nothing.
func (tab *Tab) WithoutScript(t testing.TB) {
	t.Helper()
	call(t, tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Ask evaluates a JavaScript expression in the page, whatever its policy, and
// returns its value; a promise is waited for.
func Ask[R any](t testing.TB, tab *Tab, expression string) R {
	t.Helper()
	return run(t, tab, "evaluate "+beginning(expression), chromedp.Evaluate[R](expression, chromedp.EvalAwaitPromise))
}

// beginning is enough of an expression to know it again.
func beginning(expression string) string {
	if len(expression) > 80 {
		return expression[:80] + "…"
	}
	return expression
}

// Wait waits until a JavaScript expression is true in the page, and fails the test
// with what was waited for where it stays false. The page may be another meanwhile.
func (tab *Tab) Wait(t testing.TB, what, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	for {
		holds, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		switch thrown := (*chromedp.ExceptionError)(nil); {
		case errors.As(err, &thrown):
			t.Fatalf("wait for %s: %v", what, err)
		case err == nil && holds:
			return
		case ctx.Err() != nil:
			t.Fatalf("%s: not within %v; the page is %s", what, patience, tab.Text(t))
		}
		pause()
	}
}

// Text is what the page says, as it is seen.
func (tab *Tab) Text(t testing.TB) string {
	t.Helper()
	return Ask[string](t, tab, "document.body ? document.body.innerText : ''")
}

// Path is where the tab is, without the server.
func (tab *Tab) Path(t testing.TB) string {
	t.Helper()
	return Ask[string](t, tab, "location.pathname + location.search")
}

// Screenshot writes a picture of the whole page, as long as it is, as a PNG file.
func (tab *Tab) Screenshot(t testing.TB, file string) {
	t.Helper()
	m := call(t, tab, page.GetLayoutMetrics, cdp.Empty{})
	beyond := true
	shot := call(t, tab, page.CaptureScreenshot, page.CaptureScreenshotParams{
		CaptureBeyondViewport: &beyond,
		Clip:                  &page.Viewport{Width: float64(m.CSSLayoutViewport.ClientWidth), Height: m.CSSContentSize.Height, Scale: 1},
	})
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatalf("make the folder of a picture: %v", err)
	}
	if err := os.WriteFile(file, shot.Data, 0o644); err != nil {
		t.Fatalf("write a picture: %v", err)
	}
}

// quietTime is how long a page may take until all that it loads has come.
const quietTime = 10 * time.Second

// Weight is how many bytes came since the page was asked for, headers and all, as
// they were on the way. It waits until nothing is being loaded any more; of a
// stream that does not end, and of the icon, it counts what there is.
func (tab *Tab) Weight(t testing.TB) int {
	t.Helper()
	bytes, loading := tab.seen.quiet(quietTime)
	if len(loading) > 0 {
		t.Fatalf("still being loaded after %v: %v", quietTime, loading)
	}
	return bytes
}
