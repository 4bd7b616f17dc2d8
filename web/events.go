package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// stillHere is how often a stream says that it lives: proxies cut what is silent
	// for a minute. It is also how soon one ends whose session has ended.
	stillHere = 20 * time.Second
	// reconnect is how long a browser waits before it asks anew.
	reconnect = 2 * time.Second
)

// events tells a page that something was written, as server-sent events (HTML
// Living Standard, section 9.2). What a page shows of it, it asks for again. A page
// says how much had been written when it was made: what came until it listens, or
// while the way to the server was broken, it is told at once.
func (p *pages) events(w http.ResponseWriter, r *http.Request) {
	notes, leave := p.engine.Changes()
	defer leave()
	stream := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold it back
	send := func(format string, args ...any) bool {
		if _, err := fmt.Fprintf(w, format+"\n\n", args...); err != nil {
			return false
		}
		return stream.Flush() == nil
	}
	if !send("retry: %d", reconnect.Milliseconds()) {
		return
	}
	if r.URL.Query().Get("since") != strconv.FormatUint(p.engine.Written(), 10) && !send("event: changed\ndata: {}") {
		return
	}
	tick := time.NewTicker(stillHere)
	defer tick.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case note, more := <-notes:
			if !more {
				return
			}
			text, err := json.Marshal(note)
			if err != nil {
				p.log.Error("change not told to a page", "err", err)
				return
			}
			if !send("event: changed\ndata: %s", text) {
				return
			}
		case <-tick.C:
			if _, known := p.doorkeeper.knows(r); !known || !send(": still here") {
				return
			}
		}
	}
}
