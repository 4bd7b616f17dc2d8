package web

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/portvigil/portvigil"
)

// APIError is the body of an answer that is no success.
type APIError struct {
	Code    portvigil.Code `json:"code"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	body := Describe(err)
	logInternal(a.log, r, body, err)
	a.write(w, r, statusOf(body.Code), body)
}

// logInternal notes what nobody is shown; that a client left is no failure.
func logInternal(log *slog.Logger, r *http.Request, body APIError, err error) {
	if body.Code == portvigil.CodeInternal && r.Context().Err() == nil {
		log.Error("request failed", "method", r.Method, "path", r.URL.Path, "err", err)
	}
}

// statusOf is the one place that turns codes into statuses.
func statusOf(c portvigil.Code) int {
	switch c {
	case portvigil.CodeInvalid:
		return http.StatusBadRequest
	case portvigil.CodeNotFound:
		return http.StatusNotFound
	case portvigil.CodeConflict:
		return http.StatusConflict
	case portvigil.CodeOutOfScope:
		return http.StatusForbidden
	case portvigil.CodeUnauthorized:
		return http.StatusUnauthorized
	case portvigil.CodeForbidden:
		return http.StatusForbidden
	case portvigil.CodeTooMany:
		return http.StatusTooManyRequests
	case portvigil.CodeUnavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Describe turns an error into what is shown of it: of an internal one only
// that it happened, since its text may hold paths, queries or what a host sent.
func Describe(err error) APIError {
	code := portvigil.ErrorCode(err)
	if code == portvigil.CodeInternal {
		return APIError{code, "the server failed", "see the server's log"}
	}
	body := APIError{Code: code, Message: err.Error()}
	var e *portvigil.Error
	if errors.As(err, &e) && e.Hint != "" {
		if message, last := strings.CutSuffix(body.Message, "; "+e.Hint); last {
			body.Message, body.Hint = message, e.Hint
		}
	}
	return body
}

// sentence is the error in one line.
func (e APIError) sentence() string {
	return (&portvigil.Error{Message: e.Message, Hint: e.Hint}).Error()
}

// known answers in JSON, as everything else does, what the mux has no route for.
func (a *api) known(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refusal, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := verdictOnly{header: w.Header()}
		refusal.ServeHTTP(&said, r) // tells 404 from 405, and sets Allow
		body := APIError{Code: portvigil.CodeNotFound, Message: "there is no " + portvigil.Printable(r.URL.Path),
			Hint: "this server is of another version than the command that asks"}
		if said.status == http.StatusMethodNotAllowed {
			body = APIError{Code: portvigil.CodeInvalid, Message: r.Method + " is not for " + portvigil.Printable(r.URL.Path),
				Hint: "use " + w.Header().Get("Allow")}
		}
		a.write(w, r, said.status, body)
	})
}

// verdictOnly takes a handler's status and headers, and drops its body.
type verdictOnly struct {
	header http.Header
	status int
}

func (v *verdictOnly) Header() http.Header         { return v.header }
func (v *verdictOnly) WriteHeader(status int)      { v.status = status }
func (v *verdictOnly) Write(p []byte) (int, error) { return len(p), nil }

// read takes the one JSON value that the request's body holds.
func read(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = errors.New("more follows after the value")
		}
	}
	var long *http.MaxBytesError
	if errors.As(err, &long) {
		return portvigil.Errorf(portvigil.CodeInvalid, "the request's body is longer than %d MiB", maxBody>>20)
	}
	return portvigil.Errorf(portvigil.CodeInvalid, "the request's body is not as expected: %v", err)
}
