package scan

import (
	"crypto/rand"
	"encoding/hex"
	"net/netip"

	portvigil "github.com/portvigil/portvigil"
)

// Key is what the marks of a scan's SYN packets are made from. Who has it tells the
// scan's packets from all others, and so can count at the target which of them
// arrived (docs/receipts.md has the format). Who sends in a target's name and has it
// can forge that target's answers, so that it is for nobody else.
type Key [16]byte

// NewKey draws a key.
func NewKey() (k Key) {
	_, _ = rand.Read(k[:]) // never fails: crypto/rand ends the program instead
	return k
}

// ParseKey reads what Key.String writes. An error has CodeInvalid.
func ParseKey(text string) (k Key, err error) {
	bytes, err := hex.DecodeString(text)
	if err != nil || len(bytes) != len(k) {
		return k, portvigil.Errorf(portvigil.CodeInvalid, "%s is not a key of %d hexadecimal digits", portvigil.Quoted(text), 2*len(k)).
			WithHint("draw one with: openssl rand -hex %d", len(k))
	}
	copy(k[:], bytes)
	return k, nil
}

// String writes the key in 32 hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// Marker makes the marks of the SYN packets to one target.
type Marker struct{ cookie cookie }

// Marker is that of a target.
func (k Key) Marker(target netip.Addr) Marker { return Marker{k.cookie(target.Unmap())} }

// Mark is the sequence number of the SYN from the source port to the port.
func (m Marker) Mark(source, port uint16) uint32 { return m.cookie.of(source, port) }
