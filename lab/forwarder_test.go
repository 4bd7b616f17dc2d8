package lab

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// drawer is a line of frames that lie ready, and one that keeps what is put.
type drawer struct {
	ready [][]byte
	kept  [][]byte
}

func (d *drawer) next(time.Duration) []byte {
	if len(d.ready) == 0 {
		return nil
	}
	defer func() { d.ready = d.ready[1:] }()
	return d.ready[0]
}

func (d *drawer) put(frame []byte) { d.kept = append(d.kept, slices.Clone(frame)) }
func (d *drawer) flush()           {}
func (d *drawer) fd() int          { return -1 }
func (d *drawer) lost() int        { return 0 }
func (d *drawer) close()           {}

// byFirst holds a frame for as many seconds as its first byte says, and sends back
// those with an odd one.
type byFirst struct{}

func (byFirst) carry(_ time.Duration, f frame, to direction, fates []fate) []fate {
	return append(fates, fate{f.bytes, to ^ direction(f.bytes[0]&1), time.Duration(f.bytes[0]) * time.Second})
}

func TestAForwarderDoesWhatTheWireSays(t *testing.T) {
	t.Parallel()
	near, far := &drawer{ready: [][]byte{{4}, {0}, {2}, {2, 2}, {3}, {1}}}, &drawer{}
	f := &forwarder{lines: [2]line{toTarget: far, toScanner: near}, wire: byFirst{}}
	if n := f.take(time.Minute, toTarget); n != 6 {
		t.Errorf("%d frames were taken", n)
	}
	for _, c := range []struct {
		after     time.Duration
		far, near [][]byte
	}{
		{0, [][]byte{{0}}, nil},
		{time.Second, [][]byte{{0}}, [][]byte{{1}}},
		{3 * time.Second, [][]byte{{0}, {2}, {2, 2}}, [][]byte{{1}, {3}}},
		{time.Hour, [][]byte{{0}, {2}, {2, 2}, {4}}, [][]byte{{1}, {3}}},
	} {
		f.release(time.Minute + c.after)
		if diff := cmp.Diff(c.far, far.kept) + cmp.Diff(c.near, near.kept); diff != "" {
			t.Errorf("after %v (-want +got)\n%s", c.after, diff)
		}
	}
}

func TestHeldFramesComeInTheOrderOfTheirTime(t *testing.T) {
	t.Parallel()
	near, far := &drawer{}, &drawer{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		near.ready = append(near.ready, []byte{byte(random.IntN(100)) &^ 1})
	}
	want := slices.Clone(near.ready)
	slices.SortStableFunc(want, func(a, b []byte) int { return int(a[0]) - int(b[0]) })
	f := &forwarder{lines: [2]line{toTarget: far, toScanner: near}, wire: byFirst{}}
	f.take(0, toTarget)
	for second := range 101 {
		f.release(time.Duration(second) * time.Second)
	}
	if diff := cmp.Diff(want, far.kept); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASlowQueueRefusesWhatIsTooMuchAndDeliversTheRest(t *testing.T) {
	t.Parallel()
	p := New(t).Path(t, SlowQueue(5000))
	out, in := p.Scanner.line(t, "eth0"), p.Target.line(t, "eth0")
	defer out.close()
	defer in.close()
	link, frame := 0, probe()
	if err := p.Scanner.Do(func() error {
		i, err := net.InterfaceByName("eth0")
		link = i.Index
		return err
	}); err != nil {
		t.Fatal(err)
	}
	taken, refused, arrived := 0, 0, 0
	for range 2000 {
		switch err := unix.Sendto(out.socket, frame, 0, &unix.SockaddrLinklayer{Ifindex: link}); {
		case err == nil:
			taken++
		case errors.Is(err, unix.ENOBUFS):
			refused++
		default:
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Second); arrived < taken && time.Now().Before(deadline); {
		if in.next(0) != nil {
			arrived++
		}
	}
	if refused == 0 || arrived != taken {
		t.Errorf("%d were taken, %d of them arrived, %d were refused", taken, arrived, refused)
	}
}

// probe is a frame of the size of a SYN and of no protocol (IEEE 802): nobody answers.
func probe() []byte {
	frame := slices.Clone(segment(false, flagSyn, 1, 2).bytes)
	binary.BigEndian.PutUint16(frame[12:], 0x88b5)
	return frame
}

// BenchmarkForwarder sends frames of the size of a SYN along a path on which a
// forwarder stands, from one core of the machine that it is on.
func BenchmarkForwarder(b *testing.B) {
	p := New(b).Path(b, Variant{Name: "cable", wire: func(*rand.Rand) wire { return cable{} }})
	out, in := p.Scanner.line(b, "eth0"), p.Target.line(b, "eth0")
	defer out.close()
	defer in.close()
	frame, arrived := probe(), 0
	hear := func() {
		for in.next(0) != nil {
			arrived++
		}
	}
	b.ResetTimer()
	for sent := range b.N {
		out.put(frame)
		if sent%lineBatch == 0 {
			hear()
			for sent-arrived > ringFrames/2 { // no more than a ring holds
				hear()
			}
		}
	}
	out.flush()
	for deadline := time.Now().Add(time.Second); arrived < b.N && time.Now().Before(deadline); {
		hear()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "frames/s")
	if arrived < b.N {
		b.Errorf("%d of %d frames arrived", arrived, b.N)
	}
}
