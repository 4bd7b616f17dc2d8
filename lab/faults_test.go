package lab_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil/lab"
)

// TestAReceiverInTroubleGetsTheMessageLater: whatever receivers do, the server
// goes on, says what it was, and the message arrives once they are well, with
// the id that it had.
func TestAReceiverInTroubleGetsTheMessageLater(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	half := "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
	for _, c := range []struct {
		name, channel string
		http          http.HandlerFunc
		mail          lab.MailFault
		says          string // by channels test
	}{
		{name: "too many requests", channel: "desk", http: lab.TooMany(2), says: "429"},
		{name: "its own fault", channel: "desk", http: lab.Status(500), says: "500"},
		{name: "Slack's own fault", channel: "team", http: lab.Status(503), says: "503"},
		{name: "nonsense", channel: "desk", http: lab.Raw("SSH-2.0-OpenSSH_9.7\r\n"), says: "desk"},
		{name: "closes before it answers", channel: "desk", http: lab.Raw(""), says: "desk"},
		{name: "Slack closes half-way", channel: "team", http: lab.Raw(half[:20]), says: "team"},
		{name: "mail server speaks nonsense", channel: "ops", mail: lab.RawMail("\x00\x01?\r\n"), says: "ops"},
		{name: "mail server closes after the data", channel: "ops", mail: lab.RawMail(""), says: "ops"},
		{name: "mail server closes half-way", channel: "ops", mail: lab.RawMail("25"), says: "ops"},
	} {
		s.trouble(c.channel, c.http, c.mail)
		if r := s.must(2, "channels", "test", c.channel); !strings.Contains(r.stderr, c.says) || strings.Contains(r.stderr, "panic") {
			t.Errorf("%s: channels test says %q, which lacks %q", c.name, r.stderr, c.says)
		}
		s.trouble(c.channel, nil, nil)
		s.must(0, "channels", "test", c.channel)
	}
	for name, late := range map[string]func(){
		"desk": func() { s.trouble("desk", lab.Late(3*time.Second), nil) },
		"ops":  func() { s.trouble("ops", nil, lab.LateMail(3*time.Second)) },
	} {
		late()
		s.must(0, "channels", "test", name) // late is not never
		s.trouble(name, nil, nil)
	}
}

// TestRetryAfterIsHeldAndAHangingReceiverHoldsUpNobody: one receiver hangs, one
// asks for a pause; the third hears at once, and the second neither earlier than
// it asked for nor twice.
func TestRetryAfterIsHeldAndAHangingReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	s.slack.Answer(lab.Late(time.Hour))
	s.hook.Answer(lab.TooMany(3))
	s.reports("target", insideReport("first", time.Now()))
	s.reports("target", insideReport("second", time.Now(), 7001))
	s.mail.Wait(t, 1, soon)
	refused := s.hook.Wait(t, 1, soon)[0]
	s.slack.Wait(t, 1, soon)
	s.hook.Answer(nil)
	s.slack.Answer(nil)
	again := s.hook.Wait(t, 2, soon)[1]
	if pause := again.Time.Sub(refused.Time); pause < 3*time.Second {
		t.Errorf("asked to wait for 3 s, the server came back after %v", pause)
	}
	if a, b := refused.Header.Get("webhook-id"), again.Header.Get("webhook-id"); a != b || a == "" {
		t.Errorf("the message came as %q and again as %q, want one id", a, b)
	}
	s.slack.Wait(t, 2, time.Minute) // the one that hung, and its repetition
	if n := len(s.mail.Messages()); n != 1 {
		t.Errorf("%d mails came, want the one", n)
	}
}

// TestAHundredMessagesToADeadReceiverHoldUpNobody: a receiver takes messages and
// never answers. The others hear of every alert meanwhile, and it gets them all
// once it is well.
func TestAHundredMessagesToADeadReceiverHoldUpNobody(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.must(0, "hosts", "add", "target", s.target.IP4.String())
	s.slack.Answer(lab.Late(10 * time.Minute))
	s.reports("target", insideReport("first", time.Now()))
	server, expected := s.overSocket(), expectation{}
	var open []uint16
	for i := range 100 {
		open = append(open, uint16(7001+i))
		expected.opens("target", open[i])
		if len(open)%5 == 0 {
			server.report(t, "target", insideReport(fmt.Sprint(len(open)), time.Now(), open...))
		}
	}
	began := time.Now()
	s.mail.Wait(t, len(open), 30*time.Second)
	s.hook.Wait(t, len(open), 30*time.Second)
	t.Logf("%d messages over each of the others in %v", len(open), time.Since(began).Round(time.Millisecond))
	s.slack.Answer(nil)
	began = time.Now()
	expected.heard(s)
	t.Logf("and over the one that was dead in %v", time.Since(began).Round(time.Millisecond))
}

// trouble gives the receiver of a channel one way to answer; nil is the right one.
func (s *story) trouble(channel string, answer http.HandlerFunc, fault lab.MailFault) {
	switch channel {
	case "ops":
		s.mail.Answer(fault)
	case "team":
		s.slack.Answer(answer)
	case "desk":
		s.hook.Answer(answer)
	}
}
