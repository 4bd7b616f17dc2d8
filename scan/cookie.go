package scan

import (
	"encoding/binary"
	"net/netip"

	"github.com/dchest/siphash"
)

// cookie makes the sequence number of every SYN out of a secret of the look, so
// that an answer shows that its sender has seen the probe: it acknowledges the
// number plus one, or quotes it. A forged answer has to guess 32 bits for each
// pair of ports (RFC 6528 takes initial sequence numbers from a keyed hash too).
type cookie struct{ k0, k1 uint64 }

// cookie is that of the look at a target.
func (k Key) cookie(target netip.Addr) cookie {
	address := target.As16()
	k0, k1 := siphash.Hash128(binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:]), address[:])
	return cookie{k0, k1}
}

// of is the sequence number of the SYN from the source port to the port.
func (c cookie) of(source, port uint16) uint32 {
	var ports [4]byte
	binary.BigEndian.PutUint16(ports[:2], source)
	binary.BigEndian.PutUint16(ports[2:], port)
	return uint32(siphash.Hash(c.k0, c.k1, ports[:]))
}
