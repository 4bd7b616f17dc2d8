package portvigil

import (
	"errors"
	"fmt"
)

// Code tells a program what kind of failure an Error is; the API turns it into
// a status, a command into an exit code.
type Code string

// The codes. An error without one is CodeInternal: logged, never shown.
const (
	CodeInvalid      Code = "invalid"      // the request makes no sense as it stands
	CodeNotFound     Code = "not-found"    // what it names is not there
	CodeConflict     Code = "conflict"     // what is there stands against it
	CodeOutOfScope   Code = "out-of-scope" // the target may not be scanned
	CodeUnauthorized Code = "unauthorized" // it is not known who asks
	CodeForbidden    Code = "forbidden"    // it is known, and may not
	CodeTooMany      Code = "too-many"     // asked too often; later it may be
	CodeUnavailable  Code = "unavailable"  // it cannot be done now; later it may
	CodeInternal     Code = "internal"
)

// Error carries a code for programs, a sentence for people, and one step that
// the person can take.
type Error struct {
	Code    Code
	Message string
	Hint    string // a complete sentence or a command; "" where there is none
}

// Error returns the sentence and the hint.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Message
	}
	return e.Message + "; " + e.Hint
}

// Errorf returns an Error without a hint.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e that ends with the step to take.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// ErrorCode returns the code of the first Error in err's chain, CodeInternal
// where there is none, and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
