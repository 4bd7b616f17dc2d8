package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TroubleKind tells what kind of thing went wrong in a tab.
type TroubleKind string

// The kinds of trouble.
const (
	TroubleConsole   TroubleKind = "console"   // an error was logged: by a script, or of what could not be loaded
	TroubleException TroubleKind = "exception" // a script threw, and nothing caught it
	TroublePolicy    TroubleKind = "policy"    // the Content-Security-Policy stopped something
	TroubleDialog    TroubleKind = "dialog"    // alert, confirm or prompt: no page of ours asks so, an injection does
	TroubleElsewhere TroubleKind = "elsewhere" // another machine was asked for something
	TroubleCrash     TroubleKind = "crash"     // the page's process is gone
)

// Trouble is one thing that went wrong in a tab, on the page with that path.
type Trouble struct {
	Kind TroubleKind
	Page string
	Text string
}

// String is the trouble in a line.
func (t Trouble) String() string { return fmt.Sprintf("%s on %s: %s", t.Kind, t.Page, t.Text) }

// witness hears every event of a tab. Its zero value is ready.
type witness struct {
	answering sync.WaitGroup // goroutines that close dialogs

	mu        sync.Mutex   // guards what follows
	page      string       // the path of the page that is being loaded, or shown
	loader    cdp.LoaderID // of that page: what it loads has it, too
	trouble   []Trouble
	forgiven  []forgiven
	redirects int                          // bytes of answers that led elsewhere
	bytes     map[network.RequestID]int    // that came of what was asked for since anew
	loading   map[network.RequestID]string // the URLs that are not all there
	changed   chan struct{}                // closed when loading changes; nil while nobody waits
}

type forgiven struct {
	kind TroubleKind
	text string
}

// Trouble returns what went wrong in the tab since it was last called, less what
// is forgiven. What is left when the test ends, fails it.
func (tab *Tab) Trouble() []Trouble {
	w := &tab.seen
	w.mu.Lock()
	defer w.mu.Unlock()
	list := slices.DeleteFunc(w.trouble, func(t Trouble) bool {
		return t.Kind != TroublePolicy && slices.ContainsFunc(w.forgiven, func(f forgiven) bool { return f.kind == t.Kind && strings.Contains(t.Text, f.text) })
	})
	w.trouble = nil
	return list
}

// Forgive expects trouble of a kind whose text contains this: a page that is
// opened to see it refused is logged as an error. What the policy stopped is never
// forgiven.
func (tab *Tab) Forgive(kind TroubleKind, text string) {
	tab.seen.mu.Lock()
	defer tab.seen.mu.Unlock()
	tab.seen.forgiven = append(tab.seen.forgiven, forgiven{kind, text})
}

// listen is called with every event, in order, and must not wait.
func (tab *Tab) listen(event any) {
	w := &tab.seen
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		w.asked(e)
	case *network.EventResponseReceived:
		if streams(e.Response) {
			w.done(e.RequestID)
		}
	case *network.EventDataReceived:
		w.add(e.RequestID, int(e.EncodedDataLength))
	case *network.EventLoadingFinished:
		w.add(e.RequestID, int(e.EncodedDataLength)-w.bytes[e.RequestID]) // all of it, with its headers
		w.done(e.RequestID)
	case *network.EventLoadingFailed:
		w.done(e.RequestID)
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		w.note(TroubleException, text)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.note(TroubleConsole, said(e.Args))
		}
	case *log.EventEntryAdded:
		// What the policy stopped is told as an issue, too, with the directive.
		if e.Entry.Level == log.EntryLevelError && !strings.Contains(e.Entry.Text, "Content Security Policy") {
			w.note(TroubleConsole, strings.TrimSpace(e.Entry.Text+" "+e.Entry.URL))
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details.ContentSecurityPolicyIssueDetails; d != nil {
			w.note(TroublePolicy, strings.TrimSpace(fmt.Sprintf("%s, %s %s", d.ViolatedDirective, d.ContentSecurityPolicyViolationType, d.BlockedURL)))
		}
	case *inspector.EventTargetCrashed:
		w.note(TroubleCrash, "the page's process crashed")
	case *page.EventJavascriptDialogOpening:
		w.note(TroubleDialog, fmt.Sprintf("%s %q", e.Type, e.Message))
		// Until it is closed the page stands still.
		w.answering.Go(func() {
			ctx, cancel := context.WithTimeout(tab.ctx, patience)
			defer cancel()
			// Its only error is that the dialog, or the tab, has gone.
			_, _ = chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		})
	}
}

// note adds trouble; the caller holds mu, as for all that follows.
func (w *witness) note(kind TroubleKind, text string) {
	w.trouble = append(w.trouble, Trouble{kind, w.page, text})
}

// asked takes note of a request.
func (w *witness) asked(e *network.EventRequestWillBeSent) {
	u, err := url.Parse(e.Request.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "ws" && u.Scheme != "wss":
		return // data:, blob: and about: are not sent anywhere
	case u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost":
		w.note(TroubleElsewhere, e.Request.URL)
	}
	if e.Type == network.ResourceTypeDocument {
		// The page before ends here, and with it all that it loads: nothing tells of that.
		w.page, w.loader, w.loading = u.Path, e.LoaderID, nil
	} else if e.LoaderID != w.loader {
		return // of the page before, which is still there while the next one comes
	}
	if r := e.RedirectResponse; r != nil {
		// The same request goes on elsewhere, and its end counts from there.
		w.redirects += int(r.EncodedDataLength)
	}
	if w.bytes == nil {
		w.bytes = map[network.RequestID]int{}
	}
	if w.loading == nil {
		w.loading = map[network.RequestID]string{}
	}
	w.bytes[e.RequestID] = 0
	// What the browser asks for by itself, the page's icon, is not waited for: when
	// the page is left meanwhile, nothing tells that it ended.
	if e.Type != network.ResourceTypeOther {
		w.loading[e.RequestID] = e.Request.URL
		w.wake()
	}
}

// add counts bytes of a request that was made since anew.
func (w *witness) add(id network.RequestID, bytes int) {
	if _, ours := w.bytes[id]; ours {
		w.bytes[id] += bytes
	}
}

func (w *witness) done(id network.RequestID) {
	delete(w.loading, id)
	w.wake()
}

func (w *witness) wake() {
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// streams tells of an answer that is to go on for as long as somebody listens.
func streams(r *network.Response) bool { return r.MimeType == "text/event-stream" }

// anew forgets what the pages so far weighed.
func (w *witness) anew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.redirects, w.bytes, w.loading = 0, map[network.RequestID]int{}, map[network.RequestID]string{}
}

// quiet waits until nothing is being loaded, and returns how much came, and what
// is still being loaded when the time is over.
func (w *witness) quiet(within time.Duration) (bytes int, loading []string) {
	over := time.NewTimer(within)
	defer over.Stop()
	for {
		w.mu.Lock()
		bytes, loading = w.redirects, nil
		for _, n := range w.bytes {
			bytes += n
		}
		for _, u := range w.loading {
			loading = append(loading, u)
		}
		if w.changed == nil {
			w.changed = make(chan struct{})
		}
		changed := w.changed
		w.mu.Unlock()
		if len(loading) == 0 {
			return bytes, nil
		}
		select {
		case <-changed:
		case <-over.C:
			return bytes, loading
		}
	}
}

// said is what a script wrote to the console.
func said(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		word := a.Description
		if word == "" {
			word = textOf(a.Value)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// textOf is a JSON value as people read it.
func textOf(value []byte) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}

// nodeID is short for what the protocol calls an element.
type nodeID = cdp.BackendNodeID
