package notify

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// receiver is where a channel posts to.
type receiver struct {
	url     Secret
	secrets []Secret // what must not show in an error
	client  *http.Client
	timeout time.Duration
	agent   string
	now     func() time.Time
}

func newReceiver(c Channel, o Options) receiver {
	client := *o.Client
	client.Timeout = 0 // the context bounds the attempt
	// A redirect would take an alert to where nobody configured it, and the
	// signature with it.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return receiver{url: c.URL, secrets: []Secret{c.URL, c.Secret}, client: &client, timeout: o.Timeout, agent: o.agent(), now: o.Now}
}

// longestAnswer bounds what is read of an answer, in bytes: its status says all,
// but for Slack's one word.
const longestAnswer = 4 << 10

// post makes one attempt and returns nil for a 2xx answer, else a *Failure.
// explain, which may be nil, puts the answer's body into words.
func (r receiver) post(ctx context.Context, body []byte, header http.Header, explain func(body string) string) error {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	action := "post to " + r.url.host()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return failed(action, err, r.secrets...)
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", r.agent)
	answer, err := r.client.Do(request)
	if err != nil {
		return failed(action, err, r.secrets...)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode/100 == 2 {
		return nil // what follows the status cannot change that the message was taken
	}
	text := ""
	if explain != nil {
		// A body that breaks off explains as much as it held.
		start, _ := io.ReadAll(io.LimitReader(answer.Body, longestAnswer))
		text = explain(string(start))
	}
	return r.refused(action, answer, text)
}

// refused makes the Failure of an answer that is not 2xx.
func (r receiver) refused(action string, answer *http.Response, why string) *Failure {
	code := answer.StatusCode
	f := &Failure{Temporary: temporaryStatus(code)}
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		f.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), r.now())
	}
	text := fmt.Sprintf("%s: answered %d %s", action, code, http.StatusText(code))
	if why == "" {
		why = statusHint(code)
	}
	if why != "" {
		text += "; " + why
	}
	f.text = harmless(text, r.secrets...)
	return f
}

// temporaryStatus reports whether the same request may be taken later: 408, 425
// and 429 say so (RFC 9110 section 15.5.9, RFC 8470, RFC 6585), every 5xx is the
// server's own fault. 3xx and the other 4xx need somebody to change something.
func temporaryStatus(code int) bool {
	switch code {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return code >= 500
}

// statusHint is the step that a person can take.
func statusHint(code int) string {
	switch {
	case code/100 == 3:
		return "redirects are not followed: give the channel the final URL"
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return "the receiver does not accept it: check its URL and secret"
	case code == http.StatusNotFound:
		return "nothing is there: check the URL"
	case code == http.StatusGone:
		return "the receiver wants no more messages: remove the channel or give it a new URL"
	}
	return ""
}

// longestRetryAfter keeps a receiver from silencing a channel for good.
const longestRetryAfter = 24 * time.Hour

// retryAfter reads the header of RFC 9110 section 10.2.3, seconds or a date;
// 0 for anything else.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), longestRetryAfter)
}
