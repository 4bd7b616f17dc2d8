// Package openapi answers: what does an API look like in OpenAPI's words, going
// by the Go types that it reads and writes?
//
//	Go sources ──ReadSource──> comments, constants ─┐
//	Go types ───reflection──────────────────────────┴─> Schemas ──> Document ──> openapi.json
//
// A schema says what encoding/json writes: which fields are always there, which
// may be null, which words a typed string can be. Descriptions are the comments
// of the types and fields, enumerations their constants, so that nothing is
// written a second time beside the code.
//
// It knows no route and no type of ours, and refuses what it could only guess
// at: a type that has no form in JSON is an error. Begin reading in document.go,
// which is as much of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.1) as is used here.
package openapi
