package portvigil

import "github.com/google/uuid"

// NewID returns a new UUIDv7 (RFC 9562): its text sorts by the time it was made.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
