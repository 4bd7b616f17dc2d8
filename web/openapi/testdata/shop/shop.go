// Package shop is what the tests of openapi read.
package shop

// Colour is what paint looks like.
type Colour string

const (
	Red   Colour = "red" // like a fire engine.
	Green Colour = "green"
	none  Colour = ""
	other        = "other"
)

// Paint is
// sold.
type Paint struct {
	// Colour of it,
	// dry.
	Colour Colour
	Price  int // in cents
}
