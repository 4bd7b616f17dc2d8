package notify

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
)

// dialTo connects wherever it is asked to the one address: so that a test can
// speak to mail.test, which is not loopback by its name.
func dialTo(address string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}

func TestEncryptionOfMail(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		url       string // HOST stands for the server's own address
		implicit  bool
		starttls  bool
		trusted   bool
		password  Secret
		encrypted bool
		fails     string // part of the error; "" for none
		permanent bool
	}{
		{name: "without STARTTLS a mail goes in the clear", url: "smtp://mail.test"},
		{name: "STARTTLS is used where it is offered", url: "smtp://mail.test", starttls: true, trusted: true, encrypted: true},
		{name: "a certificate that nobody trusts is refused", url: "smtp://mail.test", starttls: true, fails: "certificate"},
		{name: "on loopback any certificate does", url: "smtp://HOST", starttls: true, encrypted: true},
		{name: "opportunistic takes any certificate", url: "smtp://mail.test?tls=opportunistic", starttls: true, encrypted: true},
		{name: "none leaves STARTTLS alone", url: "smtp://mail.test?tls=none", starttls: true},
		{name: "required without STARTTLS fails for good", url: "smtp://mail.test?tls=required", fails: "STARTTLS", permanent: true},
		{name: "required verifies on loopback, too", url: "smtp://HOST?tls=required", starttls: true, fails: "certificate"},
		{name: "implicit TLS works with a trusted certificate", url: "smtps://mail.test", implicit: true, trusted: true, encrypted: true},
		{name: "implicit TLS refuses another", url: "smtps://mail.test", implicit: true, fails: "certificate"},
		{name: "a password goes over STARTTLS", url: "smtp://ann@mail.test", starttls: true, trusted: true, password: testPassword, encrypted: true},
		{name: "a password never goes in the clear", url: "smtp://ann@mail.test", password: testPassword, fails: "STARTTLS", permanent: true},
		{name: "a password goes in the clear on loopback", url: "smtp://ann@HOST", password: testPassword},
		{name: "a wrong password fails for good, unrepeated", url: "smtp://ann@HOST", password: "wrong-password-1", fails: "535; check user and password", permanent: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var options []smtpOption
			if tc.starttls {
				options = append(options, withSTARTTLS)
			}
			if tc.password != "" {
				options = append(options, withPassword(testPassword))
			}
			m := startMail(t, tc.implicit, options...)
			o := Options{Dial: dialTo(m.address)}
			if tc.trusted {
				o.RootCAs = m.roots
			}
			c := Channel{Name: "m", Kind: Email, To: []string{"ann@example.org"}, From: "p@example.org",
				SMTP: strings.Replace(tc.url, "HOST", m.address, 1), Secret: tc.password}
			s, err := New(c, o)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Send(t.Context(), opened())
			if tc.fails == "" {
				if err != nil || m.encrypted() != tc.encrypted || len(m.taken()) != 1 {
					t.Fatalf("Send = %v, encrypted %v, %d mails", err, m.encrypted(), len(m.taken()))
				}
				return
			}
			f, ok := errors.AsType[*Failure](err)
			if !ok || !strings.Contains(f.Error(), tc.fails) || f.Temporary == tc.permanent {
				t.Errorf("Send = %v (%+v), want %q, permanent %v", err, f, tc.fails, tc.permanent)
			}
			checkNoSecret(t, c, err)
			if len(m.taken()) != 0 {
				t.Error("the mail was taken all the same")
			}
		})
	}
}

func TestAnswersOfMailServers(t *testing.T) {
	t.Parallel()
	answer := func(code int) error { return &smtp.SMTPError{Code: code, Message: "no"} }
	for _, tc := range []struct {
		name      string
		change    func(*mailServer)
		temporary bool
		missed    []string
		taken     int
	}{
		{"greylisting of the sender may pass", func(m *mailServer) { m.refuseFrom = answer(451) }, true, nil, 0},
		{"a refused sender does not", func(m *mailServer) { m.refuseFrom = answer(553) }, false, nil, 0},
		{"a full disk may pass", func(m *mailServer) { m.refuseData = answer(452) }, true, nil, 0},
		{"a refused text does not", func(m *mailServer) { m.refuseData = answer(554) }, false, nil, 0},
		{"one refused recipient keeps it from nobody else, and from being sent twice",
			func(m *mailServer) { m.refuseTo["bob@example.org"] = answer(451) }, false, []string{"bob@example.org"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m := startMail(t, false)
			tc.change(m)
			s, err := New(Channel{Name: "m", Kind: Email, To: []string{"ann@example.org", "bob@example.org"}, From: "p@example.org", SMTP: "smtp://" + m.address}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			f, ok := errors.AsType[*Failure](s.Send(t.Context(), opened()))
			if !ok || f.Temporary != tc.temporary || len(m.taken()) != tc.taken {
				t.Fatalf("failure %+v, %d mails taken", f, len(m.taken()))
			}
			if diff := cmp.Diff(tc.missed, f.Missed); diff != "" {
				t.Errorf("missed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMailThatWasTakenIsNoFailureWhateverFollows(t *testing.T) {
	t.Parallel()
	// The server closes right after it took the message, without a farewell.
	address := startTalk(t, false, "220 hi", "250 hi", "250 from", "250 to", "354 go", "250 taken")
	err := Mail(t.Context(), "smtp://"+address, "", "p@example.org", []string{"a@example.org"}, "s", "body", "id")
	if err != nil {
		t.Errorf("Mail = %v", err)
	}
}

func TestServerThatTalksWithoutEndIsCutOff(t *testing.T) {
	t.Parallel()
	address := startTalk(t, true, "220 "+strings.Repeat("x", longestTalk+1))
	err := Mail(t.Context(), "smtp://"+address, "", "p@example.org", []string{"a@example.org"}, "s", "body", "id")
	if err == nil || !strings.Contains(err.Error(), "stop talking") || len(err.Error()) > longestText {
		t.Errorf("Mail = %v", err)
	}
}

func TestMailOfACheckArrivesWithItsLines(t *testing.T) {
	t.Parallel()
	m := startMail(t, false)
	err := Mail(t.Context(), "smtp://"+m.address, "", "p@example.org", []string{"a@example.org"}, "web1 differs\r\nBcc: eve@example.org", "+ 9100/tcp\n.\n\x1b[2J", "check.1")
	if err != nil {
		t.Fatal(err)
	}
	header, text, _, err := readMail(m.taken()[0].raw)
	if err != nil {
		t.Fatal(err)
	}
	if got := header.Get("Bcc"); got != "" {
		t.Errorf("Bcc = %q", got)
	}
	if want := "+ 9100/tcp\n.\n\\x1b[2J"; strings.TrimSuffix(text, "\n") != want {
		t.Errorf("text = %q, want %q", text, want)
	}
}
