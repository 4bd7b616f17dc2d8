// Package accounttest answers: with what are accounts tested where no database
// is needed?
//
// It promises a Storage in memory that behaves as the store's tables do: one
// writer, unique names, versions that follow one another, and nothing left of an
// update that fails. It is for tests only.
package accounttest
