package scan

// manners is what is odd about how answers come, whatever they say.
type manners struct {
	answers    int // to probes, in time or not
	late       int // after their probe was given up
	duplicates int // that came before, too
	opened     int // SYN-ACKs whose window is known
	shut       int // of those, with a window of 0
	narrow     int // of those, with one that no service can work with
}

const (
	// narrowWindow is more than tarpits offer (5 to 16 bytes) and less than the smallest
	// segment that every host takes (536 bytes, RFC 9293 section 3.7.1).
	narrowWindow = 64
	// fewOdd answers, or a share of oddShare, are nothing to speak of.
	fewOdd   = 10
	oddShare = 0.05
)

// see takes an answer.
func (m *manners) see(a answer) {
	switch a.kind {
	case answerOpen, answerClosed, answerRejected:
		m.answers++
	}
	if a.kind != answerOpen || a.window == 0 {
		return
	}
	m.opened++
	switch offered := a.window - 1; {
	case offered == 0:
		m.shut++
	case offered < narrowWindow:
		m.narrow++
	}
}

// notes tells what a reader should know.
func (m *manners) notes(add func(format string, args ...any)) {
	if m.shut > 0 {
		add("syn-proxy: %d of %d answers from open ports offer a window of 0 bytes, as proxies do that answer before they ask the service itself", m.shut, m.opened)
	}
	if m.narrow > 0 {
		add("tarpit: %d of %d answers from open ports offer a window of less than %d bytes, with which no service works", m.narrow, m.opened, narrowWindow)
	}
	odd := func(n int) bool { return n >= fewOdd && float64(n) >= oddShare*float64(m.answers) }
	if odd(m.late) {
		add("late: %d of %d answers came after their probe had been given up", m.late, m.answers)
	}
	if odd(m.duplicates) {
		add("duplicates: %d answers came more than once, beside %d that came once", m.duplicates, m.answers)
	}
}
