package notify

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/portvigil/portvigil"
)

// host returns scheme and host of an URL, all of it that may be shown.
func (s Secret) host() string {
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Host == "" {
		return "an unreadable URL"
	}
	return u.Scheme + "://" + u.Host
}

// checkURL returns an error where the URL of a receiver cannot be right, without
// showing more of it than its host. Plain HTTP goes to loopback and private
// addresses only: beyond them anybody on the way could read the alert.
func checkURL(s Secret) error {
	const hint = "it looks like https://host.example.org/path"
	text := s.Reveal()
	if text == "" {
		return invalid(hint, "the channel has no URL")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }) {
		return invalid("copy it again, as one line", "the URL holds a space or a character that is not printable")
	}
	u, err := url.Parse(text)
	if err != nil {
		return invalid(hint, "the URL cannot be read")
	}
	switch {
	case u.Scheme == "" || u.Opaque != "" || !strings.Contains(text, "://"):
		return invalid("begin it with https://", "the URL has no scheme")
	case u.Scheme != "https" && u.Scheme != "http":
		return invalid("begin it with https://", "the URL begins with %s://", u.Scheme)
	case u.Hostname() == "":
		return invalid(hint, "the URL names no host")
	case u.Fragment != "":
		return invalid("leave out what follows the #", "the URL has a fragment, which is never sent")
	case u.Scheme == "http" && !nearby(u.Hostname()):
		return invalid("use https:// (http:// is for localhost and private addresses)", "%s would be reached unencrypted", u.Host)
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		if why := portvigil.NeverTarget(a); why != "" {
			return invalid(hint, "nothing is posted to %s: it is %s", a, why)
		}
	}
	return nil
}

// slackHint is the one way to the right URL.
const slackHint = "copy the one that Slack shows under Incoming Webhooks: https://hooks.slack.com/services/T…/B…/…"

// slackHooks are the hosts of Slack's incoming webhooks.
var slackHooks = map[string]bool{"hooks.slack.com": true, "hooks.slack-gov.com": true}

// checkSlackURL is checkURL for Slack's incoming webhooks. Other hosts are taken
// as well, because Mattermost and others accept Slack's messages; Slack's own
// are checked down to the path, since every near miss answers 200 or a page.
func checkSlackURL(s Secret) error {
	if err := checkURL(s); err != nil {
		if e, ok := err.(*portvigil.Error); ok && !strings.HasPrefix(s.Reveal(), "http://") {
			return e.WithHint("%s", slackHint)
		}
		return err
	}
	u, _ := url.Parse(s.Reveal())
	host := strings.ToLower(u.Hostname())
	if !slackHooks[host] {
		if host == "slack.com" || strings.HasSuffix(host, ".slack.com") {
			return invalid(slackHint, "%s is a page of Slack, not an incoming webhook", host)
		}
		return nil
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch {
	case parts[0] == "workflows" || parts[0] == "triggers":
		return invalid(slackHint, "the URL starts a workflow of Slack, which does not take messages")
	case len(parts) != 4 || parts[0] != "services" || parts[1] == "" || parts[2] == "" || parts[3] == "":
		return invalid(slackHint, "the URL at %s is not complete", host)
	case u.RawQuery != "":
		return invalid(slackHint, "the URL at %s goes on after its end", host)
	}
	return nil
}

// nearby reports whether the host is this machine or a private address. Other
// names could lead anywhere, now or later.
func nearby(host string) bool {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return isLoopback(host)
	}
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate()
}

// isLoopback reports whether what is sent to the host stays on this machine.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true // RFC 6761 section 6.3
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
