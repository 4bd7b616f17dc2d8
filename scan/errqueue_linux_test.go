package scan

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	portvigil "github.com/portvigil/portvigil"
	"golang.org/x/sys/unix"
)

// extendedError builds the control message that the kernel would give.
func extendedError(level, kind int32, origin, icmpType, code uint8, sender netip.Addr) []byte {
	var b bytes.Buffer
	b.Write([]byte{113, 0, 0, 0, origin, icmpType, code, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	if sender.Is4() {
		b.Write(binary.NativeEndian.AppendUint16(nil, unix.AF_INET))
		b.Write([]byte{0, 0})
		b.Write(sender.AsSlice())
		b.Write(make([]byte, 8))
	} else {
		b.Write(binary.NativeEndian.AppendUint16(nil, unix.AF_INET6))
		b.Write(make([]byte, 6))
		b.Write(sender.AsSlice())
		b.Write(make([]byte, 4))
	}
	message := binary.NativeEndian.AppendUint64(nil, uint64(unix.CmsgLen(b.Len())))
	message = binary.NativeEndian.AppendUint32(message, uint32(level))
	message = binary.NativeEndian.AppendUint32(message, uint32(kind))
	message = append(message, b.Bytes()...)
	return append(message, make([]byte, unix.CmsgSpace(b.Len())-len(message))...)
}

func TestAnICMPIsAnAnswerOrADeadPathByWhoSentIt(t *testing.T) {
	t.Parallel()
	target, router := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")
	cases := []struct {
		name           string
		origin         uint8
		icmpType, code uint8
		sender         netip.Addr
		want           answerKind
		reason         portvigil.Reason
	}{
		{"port unreachable", unix.SO_EE_ORIGIN_ICMP, 3, 3, target, answerRejected, "port-unreachable"},
		{"prohibited by the target", unix.SO_EE_ORIGIN_ICMP, 3, 13, target, answerRejected, "icmp-3-13"},
		{"prohibited by a firewall in front", unix.SO_EE_ORIGIN_ICMP, 3, 10, router, answerRejected, "icmp-3-10"},
		{"host unreachable by the target", unix.SO_EE_ORIGIN_ICMP, 3, 1, target, answerRejected, "icmp-3-1"},
		{"host unreachable by a router", unix.SO_EE_ORIGIN_ICMP, 3, 1, router, answerUnreachable, ""},
		{"net unreachable by a router", unix.SO_EE_ORIGIN_ICMP, 3, 0, router, answerUnreachable, ""},
		{"time exceeded", unix.SO_EE_ORIGIN_ICMP, 11, 0, router, answerUnreachable, ""},
		{"the own kernel", unix.SO_EE_ORIGIN_LOCAL, 0, 0, target, answerUnreachable, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := worker{engine: &engine{address: target}}
			a, ok := w.queued(extendedError(unix.SOL_IP, unix.IP_RECVERR, c.origin, c.icmpType, c.code, c.sender))
			if !ok || a.kind != c.want {
				t.Fatalf("got %+v, %v", a, ok)
			}
			if c.reason != "" && a.icmp.reason() != c.reason {
				t.Errorf("reason %s, want %s", a.icmp.reason(), c.reason)
			}
		})
	}
}

func FuzzParseExtendedError(f *testing.F) {
	f.Add(extendedError(unix.SOL_IP, unix.IP_RECVERR, unix.SO_EE_ORIGIN_ICMP, 3, 3, netip.MustParseAddr("10.0.0.1")))
	f.Add(extendedError(unix.SOL_IPV6, unix.IPV6_RECVERR, unix.SO_EE_ORIGIN_ICMP6, 1, 4, netip.MustParseAddr("2001:db8::1")))
	f.Fuzz(func(t *testing.T, oob []byte) {
		e, origin, found := parseExtendedError(oob)
		if !found {
			return
		}
		// What is read from a message is what a message of these parts says.
		level, kind := int32(unix.SOL_IP), int32(unix.IP_RECVERR)
		sender := e.sender
		if !sender.IsValid() {
			return
		}
		if e.v6 {
			level, kind = unix.SOL_IPV6, unix.IPV6_RECVERR
		}
		again, originAgain, ok := parseExtendedError(extendedError(level, kind, origin, e.kind, e.code, sender))
		if !ok || again != e || originAgain != origin {
			t.Errorf("%+v (%d) reads back as %+v (%d), %v", e, origin, again, originAgain, ok)
		}
	})
}
