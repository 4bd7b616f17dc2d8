package lab

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// segment is a frame with a TCP segment between two hosts.
func segment(six bool, flags byte, from, to uint16) frame {
	header := ipFour
	b := make([]byte, etherHeader+ipSix+20)
	copy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01")
	ip := b[etherHeader:]
	if six {
		header = ipSix
		binary.BigEndian.PutUint16(b[12:], etherSix)
		ip[0], ip[5], ip[6], ip[7] = 6<<4, 20, protoTCP, 64
		copy(ip[8:], scannerSix.AsSlice())
		copy(ip[24:], targetSix.AsSlice())
	} else {
		binary.BigEndian.PutUint16(b[12:], etherFour)
		ip[0], ip[3], ip[8], ip[9] = 4<<4|5, ipFour+20, 64, protoTCP
		copy(ip[12:], scannerFour.AsSlice())
		copy(ip[16:], targetFour.AsSlice())
	}
	b = b[:etherHeader+header+20]
	tcp := b[etherHeader+header:]
	binary.BigEndian.PutUint16(tcp, from)
	binary.BigEndian.PutUint16(tcp[2:], to)
	binary.BigEndian.PutUint32(tcp[4:], 0xfffffffe)
	tcp[12], tcp[13] = 5<<4, flags
	return readFrame(b)
}

// Frames that no wire may touch, or the ends do not find each other.
func untouchable() map[string]frame {
	arp := make([]byte, 42)
	binary.BigEndian.PutUint16(arp[12:], 0x0806)
	solicitation := slices.Clone(segment(true, flagSyn, 1, 2).bytes)
	solicitation[etherHeader+6], solicitation[etherHeader+ipSix] = protoICMP6, 135
	return map[string]frame{"ARP": readFrame(arp), "neighbour solicitation": readFrame(solicitation), "too short": readFrame(arp[:10])}
}

func TestNoWireLosesWhatFindsTheNeighbour(t *testing.T) {
	t.Parallel()
	random := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	for name, f := range untouchable() {
		for _, w := range []wire{
			&bursty{random: random(), share: 0.9, burst: 1000}, &slow{random: random(), least: time.Second}, &straggling{random: random(), share: 1, late: time.Second},
			&doubling{random: random(), share: 1}, tarpit{}, beyondScope{}, cable{},
		} {
			for range 1000 {
				for _, to := range []direction{toTarget, toScanner} {
					if got := w.carry(0, f, to, nil); len(got) != 1 || got[0].to != to || got[0].after != 0 {
						t.Fatalf("%s on %T: %v", name, w, got)
					}
				}
			}
		}
	}
}

func TestABurstyWireLosesItsShareInBurstsOfItsLength(t *testing.T) {
	t.Parallel()
	w := &bursty{random: rand.New(rand.NewPCG(1, 2)), share: 0.05, burst: 20}
	f := segment(false, flagSyn, 1, 2)
	const frames = 2_000_000
	lost, bursts, bad := 0, 0, false
	for range frames {
		gone := len(w.carry(0, f, toTarget, nil)) == 0
		if gone {
			lost++
			if !bad {
				bursts++
			}
		}
		bad = gone
	}
	if share := float64(lost) / frames; share < 0.045 || share > 0.055 {
		t.Errorf("%.4f of all were lost", share)
	}
	if length := float64(lost) / float64(bursts); length < 19 || length > 21 {
		t.Errorf("%.1f were lost in a row on average", length)
	}
	if w.bad[toScanner] {
		t.Error("the way back fared like the way there")
	}
	for !w.bad[toTarget] {
		w.carry(time.Second, f, toTarget, nil)
	}
	if len(w.carry(time.Second+longestBurst, f, toTarget, nil)) == 0 {
		t.Error("a burst waits for frames, however long none comes")
	}
}

func TestTheSameWireDecidesTheSame(t *testing.T) {
	t.Parallel()
	fates := func() (list []time.Duration) {
		w := &slow{random: rand.New(rand.NewPCG(3, 4)), least: time.Second, jitter: time.Second}
		for range 100 {
			list = append(list, w.carry(0, segment(true, flagSyn, 1, 2), toTarget, nil)[0].after)
		}
		return list
	}
	one := fates()
	if diff := cmp.Diff(one, fates()); diff != "" {
		t.Errorf("(-one +other)\n%s", diff)
	}
	if least, most := slices.Min(one), slices.Max(one); least < time.Second || most > 2*time.Second || slices.IsSorted(one) {
		t.Errorf("held from %v to %v, none overtook: %v", least, most, slices.IsSorted(one))
	}
}

func TestOnlyAnswersStraggleOrComeTwice(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	late, twice := 0, 0
	for range 10_000 {
		for _, w := range []wire{&straggling{random: random, share: 0.1, late: time.Second}, &doubling{random: random, share: 0.1, later: time.Second}} {
			if got := w.carry(0, segment(false, flagSyn, 1, 2), toTarget, nil); len(got) != 1 || got[0].after != 0 {
				t.Fatalf("%T does to a SYN: %v", w, got)
			}
			got := w.carry(0, segment(false, flagRst|flagAck, 2, 1), toScanner, nil)
			if len(got) == 2 {
				twice++
			}
			if len(got) == 1 && got[0].after == time.Second {
				late++
			}
		}
	}
	if late < 900 || late > 1100 || twice < 900 || twice > 1100 {
		t.Errorf("%d late and %d twice of 10,000, want a tenth each", late, twice)
	}
}

func TestAWireIsCutAtASYNAndMendedAfterItsTime(t *testing.T) {
	t.Parallel()
	for _, lasts := range []time.Duration{0, time.Second} {
		w := &severed{after: 3, lasts: lasts}
		passes := func(now time.Duration, f frame, to direction) bool { return len(w.carry(now, f, to, nil)) == 1 }
		syn, reset := segment(false, flagSyn, 1, 2), segment(false, flagRst|flagAck, 2, 1)
		for range 2 {
			if !passes(0, syn, toTarget) || !passes(0, reset, toScanner) {
				t.Error("it was cut before its time")
			}
		}
		if passes(time.Minute, syn, toTarget) || passes(time.Minute, reset, toScanner) || passes(time.Minute, untouchable()["ARP"], toTarget) {
			t.Error("cut, it lets something through")
		}
		if mended := passes(time.Minute+lasts, syn, toTarget) && passes(time.Hour, reset, toScanner); mended != (lasts > 0) {
			t.Errorf("cut for %v, 0 being for good, it is mended: %v", lasts, mended)
		}
	}
}

func TestWhatAWireAnswersItselfIsAnAnswer(t *testing.T) {
	t.Parallel()
	for _, six := range []bool{false, true} {
		syn := segment(six, flagSyn, 40000, 1905)
		got := tarpit{window: 5}.carry(0, syn, toTarget, nil)
		if len(got) != 1 || got[0].to != toScanner {
			t.Fatalf("a SYN into the tarpit: %v", got)
		}
		answer := readFrame(got[0].bytes)
		if !answer.tcp() || answer.rest[13] != flagSyn|flagAck || answer.door() != 40000 || binary.BigEndian.Uint32(answer.rest[8:]) != 0xffffffff || binary.BigEndian.Uint16(answer.rest[14:]) != 5 {
			t.Errorf("it answers %x", answer.bytes)
		}
		whole(t, answer)
		for _, to := range []direction{toTarget, toScanner} {
			if got := (tarpit{}).carry(0, segment(six, flagAck, 40000, 1905), to, nil); len(got) != 0 {
				t.Errorf("the tarpit lets more than a handshake through: %v", got)
			}
		}
	}
	w := beyondScope{portvigil.PortRange{First: 1901, Last: 1910}}
	syn := segment(true, flagSyn, 40000, 1905)
	got := w.carry(0, syn, toTarget, nil)
	if len(got) != 1 || got[0].to != toScanner {
		t.Fatalf("a SYN that is beyond scope: %v", got)
	}
	answer := readFrame(got[0].bytes)
	if answer.proto != protoICMP6 || answer.rest[0] != 1 || answer.rest[1] != 2 || !slices.Equal(answer.rest[8:], syn.bytes[etherHeader:]) {
		t.Errorf("it answers %x", answer.bytes)
	}
	whole(t, answer)
	for _, f := range []frame{segment(true, flagSyn, 40000, 1900), segment(false, flagSyn, 40000, 1905), segment(true, flagAck, 40000, 1905)} {
		if got := w.carry(0, f, toTarget, nil); len(got) != 1 || got[0].to != toTarget {
			t.Errorf("it answers for what is not its own: %v", got)
		}
	}
}

// whole checks that the checksums of a frame are right: summed up with what they
// cover they come to zero.
func whole(t *testing.T, f frame) {
	t.Helper()
	if got := checksum(f.bytes, f.proto, f.rest); got != 0 {
		t.Errorf("the checksum is off by %#x in %x", got, f.bytes)
	}
	if ip := f.bytes[etherHeader:]; !f.six && folded(sum(ip[:ipFour])) != 0 {
		t.Errorf("the header's checksum is off in %x", f.bytes)
	}
}
