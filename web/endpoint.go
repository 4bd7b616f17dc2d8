package web

import (
	"net/http"
	"reflect"
)

// endpoint is what answers a request, and of which types the bodies are that it
// takes and gives. The OpenAPI document is made of these types, and so cannot
// say anything else than what is read and written.
type endpoint struct {
	serve http.HandlerFunc
	takes body
	gives body
}

// body is what a request or an answer is made of; the zero value is none.
type body struct {
	of reflect.Type // nil where the type is told by nothing in Go
	// lines tells that it is JSON Lines, each one of these types.
	lines []reflect.Type
}

func bodyOf[T any]() body { return body{of: reflect.TypeFor[T]()} }

// answering is an endpoint that takes no body: it writes what handle returns as
// JSON, or its error with the status of its code.
func answering[A any](a *api, handle func(*http.Request) (A, error)) endpoint {
	return endpoint{gives: bodyOf[A](), serve: func(w http.ResponseWriter, r *http.Request) {
		answer, err := handle(r)
		if err != nil {
			a.fail(w, r, err)
			return
		}
		a.write(w, r, http.StatusOK, answer)
	}}
}

// taking is an endpoint that reads one JSON value first, and does nothing where
// that is not as expected.
func taking[Q, A any](a *api, handle func(*http.Request, Q) (A, error)) endpoint {
	e := answering(a, func(r *http.Request) (answer A, err error) {
		var q Q
		if err := read(r, &q); err != nil {
			return answer, err
		}
		return handle(r, q)
	})
	e.takes = bodyOf[Q]()
	return e
}
