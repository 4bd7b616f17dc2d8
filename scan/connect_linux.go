package scan

import (
	"context"
	"sync"
	"time"

	portvigil "github.com/portvigil/portvigil"
	"golang.org/x/sys/unix"
)

const (
	// mostInFlight bounds the kernel's memory for half-open sockets, some 2 KiB each.
	mostInFlight = 4096
	// batch is how many probes a worker takes at once where no ceiling counts them.
	batch = 16
	// longestWait bounds how long a worker sleeps without asking the conductor.
	longestWait = 50 * time.Millisecond
)

// maxInFlight is what the descriptor limit leaves, raised as far as it may be
// without privileges (getrlimit(2)); half of it is for the rest of the process.
func maxInFlight() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return firstWindow
	}
	if limit.Cur < limit.Max {
		raised := unix.Rlimit{Cur: limit.Max, Max: limit.Max}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &raised) == nil {
			limit = raised
		}
	}
	return int(min(limit.Cur/2, mostInFlight))
}

// runConnect lets the workers work until the look is done or ctx ends.
func (e *engine) runConnect(ctx context.Context) error {
	workers := make([]*worker, 0, e.workers)
	defer func() {
		for _, w := range workers {
			w.close()
		}
	}()
	for range e.workers {
		w, err := newWorker(e)
		if err != nil {
			return portvigil.Errorf(portvigil.CodeUnavailable, "open an epoll instance: %v", err).
				WithHint("raise the limit of open files (ulimit -n)")
		}
		workers = append(workers, w)
	}
	var all sync.WaitGroup
	for _, w := range workers[1:] {
		all.Go(func() { w.run(ctx) })
	}
	workers[0].run(ctx)
	all.Wait()
	return nil
}

// worker is one epoll loop with its own sockets. Nothing of it is shared but the
// conductor.
type worker struct {
	engine  *engine
	epoll   int
	to      destination
	slots   slots
	events  [256]unix.EpollEvent
	buf     [batch]probe
	results []result
	oob     [512]byte // ancillary data of one error
	// prompt counts down from the last answer that was there when connect
	// returned: on short paths it saves the way through epoll.
	prompt int
}

// promptFor is how many probes are checked at once after such an answer, and
// promptEvery how often otherwise.
const (
	promptFor   = 32
	promptEvery = 32
)

func newWorker(e *engine) (*worker, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &worker{engine: e, epoll: fd, to: destinationOf(e.address), prompt: promptFor}, nil
}

func (w *worker) close() {
	for i := w.slots.oldest(0); i >= 0; i = w.slots.oldest(0) {
		w.drop(i)
	}
	for i := w.slots.oldest(1); i >= 0; i = w.slots.oldest(1) {
		w.drop(i)
	}
	_ = unix.Close(w.epoll) // nothing is left to lose
}

// run sends and hears until the look is done. Expired probes are given up before
// new ones leave, so that a machine that was kept waiting does not add SYN of its
// own to the kernel's retransmissions.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		now := w.engine.now()
		expiry := w.expire(now)
		w.flush()
		limit := batch
		if w.engine.exact {
			limit = 1
		}
		n, wait, done := w.engine.conductor.next(now, w.buf[:limit])
		if done {
			return
		}
		for i := range n {
			w.send(w.buf[i])
		}
		if n > 0 {
			wait = 0
		}
		w.hear(min(wait, expiry, longestWait))
		w.flush()
	}
}

// send starts one handshake and, on short paths, takes the answer at once.
func (w *worker) send(p probe) {
	fd, errno := w.to.socket()
	if errno != 0 {
		w.result(p, answer{kind: answerStrain})
		return
	}
	errno = w.to.connect(fd, p.port)
	if w.engine.exact {
		w.engine.conductor.left(w.engine.now())
	}
	switch {
	case errno == 0:
		w.connected(fd, p)
		return
	case errno != unix.EINPROGRESS:
		w.result(p, w.failed(fd, errno))
		shut(fd)
		return
	}
	if w.prompt > 0 || p.port%promptEvery == 0 {
		w.prompt--
		if errno := pending(fd); errno != 0 {
			w.prompt = promptFor
			w.result(p, w.failed(fd, errno))
			shut(fd)
			return
		}
	}
	slot := w.slots.add(p, fd)
	event := unix.EpollEvent{Events: unix.EPOLLOUT | unix.EPOLLERR | unix.EPOLLHUP, Fd: int32(slot), Pad: w.slots.all[slot].turn}
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		w.drop(slot)
		w.result(p, answer{kind: answerStrain})
	}
}

// hear waits for answers for at most the given time and returns how many events
// there were.
func (w *worker) hear(wait time.Duration) int {
	if w.slots.live == 0 && wait == 0 {
		return 0
	}
	millis := int((wait + time.Millisecond - 1) / time.Millisecond)
	n, err := unix.EpollWait(w.epoll, w.events[:], millis)
	if err != nil {
		return 0 // EINTR: the loop comes back
	}
	for _, event := range w.events[:n] {
		// A closed socket goes on reporting while a process that is being started still
		// has it, too (epoll(7), Questions and answers): its slot is somebody else's by then.
		if slot := int(event.Fd); w.slots.all[slot].turn == event.Pad {
			w.event(slot, event.Events)
		}
	}
	return n
}

func (w *worker) event(slot int, events uint32) {
	s := &w.slots.all[slot]
	p, fd := s.probe, s.key
	if events&(unix.EPOLLERR|unix.EPOLLHUP) == 0 {
		w.slots.remove(slot)
		w.connected(fd, p)
		return
	}
	errno := pending(fd)
	a := w.failed(fd, errno)
	if errno == 0 && a.kind == answerNone {
		if events&unix.EPOLLOUT == 0 {
			return // an error that says nothing; the probe stays on its way
		}
		w.slots.remove(slot)
		w.connected(fd, p)
		return
	}
	w.drop(slot)
	w.result(p, a)
}

// connected notes an open port, unless the kernel connected the socket to itself:
// on an own address the source port may be the probed one (RFC 9293 section 3.5,
// simultaneous open), which says nothing, and the port is tried again.
func (w *worker) connected(fd int, p probe) {
	if itself(fd) {
		w.result(p, answer{kind: answerStrain})
	} else {
		w.result(p, answer{kind: answerOpen})
	}
	// A reset instead of the long farewell leaves no TIME_WAIT behind, and so does
	// not use up ports (socket(7), SO_LINGER).
	_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	shut(fd)
}

// expire gives up probes whose time is over and returns how long the next has.
// Before it does, it takes what came back in the meantime: where the machine kept
// this worker waiting, an answer may have been there in time.
func (w *worker) expire(now time.Duration) time.Duration {
	if w.slots.live == 0 {
		return longestWait
	}
	timeouts := [lists]time.Duration{w.engine.conductor.timeout(), patient}
	next := w.dueIn(now, timeouts)
	if next > 0 {
		return next
	}
	for w.hear(0) == len(w.events) {
	}
	for list, timeout := range timeouts {
		for i := w.slots.oldest(list); i >= 0; i = w.slots.oldest(list) {
			p := w.slots.all[i].probe
			if p.sent+timeout > now {
				break
			}
			w.drop(i)
			w.result(p, answer{kind: answerNone})
		}
	}
	return w.dueIn(now, timeouts)
}

// dueIn returns how long it is until the next probe expires, at most longestWait.
func (w *worker) dueIn(now time.Duration, timeouts [lists]time.Duration) time.Duration {
	next := longestWait
	for list, timeout := range timeouts {
		if i := w.slots.oldest(list); i >= 0 {
			next = min(next, w.slots.all[i].probe.sent+timeout-now)
		}
	}
	return max(next, 0)
}

// drop forgets a probe and closes its socket; one still connecting goes silently.
func (w *worker) drop(slot int) {
	fd := w.slots.all[slot].key
	w.slots.remove(slot)
	shut(fd)
}

func (w *worker) result(p probe, a answer) {
	w.results = append(w.results, result{p, a, w.engine.now()})
}

func (w *worker) flush() {
	if len(w.results) > 0 {
		w.engine.conductor.record(w.results)
		w.results = w.results[:0]
	}
}
