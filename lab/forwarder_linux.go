package lab

import (
	"container/heap"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// forwarder moves frames between two lines as a wire decides. It is one loop on one
// thread, so that a wire needs no locks and its random numbers come in one order. On
// two cores it bears some 200,000 frames a second (BenchmarkForwarder).
type forwarder struct {
	lines   [2]line // by the direction of what is put to them
	wire    wire
	held    held
	fates   []fate
	stopped atomic.Bool
	renewed atomic.Pointer[wire] // takes the place of wire; nil once it has
	running sync.WaitGroup
	passed  int // frames that came; valid once it has stopped, like lost
	lost    int // by the forwarder itself, not by the wire
}

// startForwarder runs until stop, which closes the lines.
func startForwarder(scanner, target line, w wire) *forwarder {
	f := &forwarder{lines: [2]line{toTarget: target, toScanner: scanner}, wire: w}
	f.running.Go(f.run)
	return f
}

// renew has another wire decide from now on, and forgets what the one before held.
func (f *forwarder) renew(w wire) {
	f.renewed.Store(&w)
	for f.renewed.Load() != nil {
		pause()
	}
}

// stop waits until the forwarder has ended.
func (f *forwarder) stop() {
	f.stopped.Store(true)
	f.running.Wait()
}

// atOnce is how many frames of one line are taken before the other has its turn, and
// longestNap how long the loop sleeps before it looks whether it is to stop.
const (
	atOnce     = 256
	longestNap = 20 * time.Millisecond
)

func (f *forwarder) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := time.Now()
	for !f.stopped.Load() {
		if w := f.renewed.Load(); w != nil {
			f.wire, f.held = *w, nil
			f.renewed.Store(nil)
		}
		moved := 0
		for _, to := range []direction{toTarget, toScanner} {
			moved += f.take(time.Since(began), to)
		}
		now := time.Since(began)
		moved += f.release(now)
		for _, l := range f.lines {
			l.flush()
		}
		if moved == 0 {
			f.sleep(now)
		}
	}
	for _, l := range f.lines {
		f.lost += l.lost()
		l.close()
	}
}

// take moves what has come and goes in one direction.
func (f *forwarder) take(now time.Duration, to direction) (n int) {
	from := f.lines[1-to]
	for ; n < atOnce; n++ {
		bytes := from.next(now)
		if bytes == nil {
			break
		}
		f.passed++
		f.fates = f.wire.carry(now, readFrame(bytes), to, f.fates[:0])
		for _, it := range f.fates {
			if it.after <= 0 {
				f.lines[it.to].put(it.bytes)
				continue
			}
			heap.Push(&f.held, heldFrame{due: now + it.after, number: f.passed, to: it.to, bytes: slices.Clone(it.bytes)})
		}
	}
	return n
}

// release lets go what was held for its time.
func (f *forwarder) release(now time.Duration) (n int) {
	for ; len(f.held) > 0 && f.held[0].due <= now; n++ {
		it := heap.Pop(&f.held).(heldFrame)
		f.lines[it.to].put(it.bytes)
	}
	return n
}

// sleep returns when a frame has come, or one that is held is due. A line that takes
// its time may have one ready all along: then it is a short nap.
func (f *forwarder) sleep(now time.Duration) {
	nap := longestNap
	if len(f.held) > 0 {
		nap = min(nap, f.held[0].due-now)
	}
	polls := make([]unix.PollFd, 0, 2)
	for _, l := range f.lines {
		if t, ok := l.(*tap); ok && now < t.ready {
			nap = min(nap, t.ready-now)
			continue
		}
		polls = append(polls, unix.PollFd{Fd: int32(l.fd()), Events: unix.POLLIN})
	}
	timeout := unix.NsecToTimespec(int64(max(nap, 0)))
	_, _ = unix.Ppoll(polls, &timeout, nil) // EINTR: the loop comes back
}

// heldFrame is a frame that goes on later.
type heldFrame struct {
	due    time.Duration
	number int // of when it came, so that those of one time keep their order
	to     direction
	bytes  []byte
}

// held is a heap of frames, that which is due first on top.
type held []heldFrame

func (h held) Len() int { return len(h) }

func (h held) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].number < h[j].number
}

func (h held) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push appends a frame (heap.Interface).
func (h *held) Push(x any) { *h = append(*h, x.(heldFrame)) }

// Pop takes the last frame off (heap.Interface).
func (h *held) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = heldFrame{}
	*h = (*h)[:last]
	return it
}
