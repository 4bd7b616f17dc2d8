package lab_test

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portvigil/portvigil"
)

// doorOf is a door of a host in words: "web1 9100".
func doorOf(host string, port uint16) string { return fmt.Sprintf("%s %d", host, port) }

// expectation is what everybody has to hear: for each door its events.
type expectation map[string][]portvigil.AlertEvent

func (x expectation) opens(host string, port uint16) {
	door := doorOf(host, port)
	x[door] = append(x[door], portvigil.AlertOpened)
}

func (x expectation) shuts(host string, port uint16) {
	door := doorOf(host, port)
	x[door] = append(x[door], portvigil.AlertIsResolved)
}

// messages is how many messages every channel has to get.
func (x expectation) messages() int {
	n := 0
	for _, events := range x {
		n += len(events)
	}
	return n
}

// arrival is one message as a receiver got it. The same message again has the
// same id; Slack's have none, so there it is the text.
type arrival struct {
	channel, id, alert, event string
	time                      time.Time
}

// linked finds the alert in a link to its page.
var linked = regexp.MustCompile(`/alerts/([0-9a-f-]{36})`)

// arrivals lists what has come about doors, and which door each alert is about.
// What else there is to hear (a view is blind, a channel fails) depends on how
// long the machine takes.
func (s *story) arrivals() (list []arrival, doors map[string]string) {
	s.t.Helper()
	doors = map[string]string{}
	for _, r := range s.hook.Requests() {
		var body struct {
			Type string          `json:"type"`
			Data portvigil.Alert `json:"data"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			s.t.Fatalf("the webhook got %q: %v", r.Body, err)
		}
		if body.Data.Family != portvigil.FamilyExposure || body.Data.Port == 0 {
			continue
		}
		doors[body.Data.ID] = doorOf(body.Data.Host, body.Data.Port)
		list = append(list, arrival{"webhook", r.Header.Get("webhook-id"), body.Data.ID, body.Type, r.Time})
	}
	for _, m := range s.mail.Messages() {
		letter, err := mail.ReadMessage(strings.NewReader(m.Data))
		if err != nil {
			s.t.Fatalf("the mail server got %q: %v", m.Data, err)
		}
		alert := strings.TrimSuffix(strings.TrimPrefix(letter.Header.Get("References"), "<alert."), "@portvigil>")
		list = append(list, arrival{"mail", letter.Header.Get("Message-ID"), alert, letter.Header.Get("X-PortVigil-Event"), m.Time})
	}
	for _, r := range s.slack.Requests() {
		text := string(r.Body)
		alert := linked.FindStringSubmatch(text)
		if alert == nil {
			s.t.Fatalf("no alert is linked in what Slack got: %s", text)
		}
		list = append(list, arrival{"slack", text, alert[1], "", r.Time})
	}
	return slices.DeleteFunc(list, func(a arrival) bool { return doors[a.alert] == "" }), doors
}

// heard waits until every channel has got as many messages as there are.
func (x expectation) heard(s *story) {
	s.t.Helper()
	within := time.NewTimer(2 * time.Minute)
	defer within.Stop()
	for {
		list, _ := s.arrivals()
		distinct := map[string]map[string]bool{}
		for _, a := range list {
			if distinct[a.channel] == nil {
				distinct[a.channel] = map[string]bool{}
			}
			distinct[a.channel][a.id] = true
		}
		want := x.messages()
		if len(distinct["webhook"]) >= want && len(distinct["mail"]) >= want && len(distinct["slack"]) >= want {
			return
		}
		select {
		case <-within.C:
			s.t.Fatalf("%d messages came by webhook, %d by mail and %d by Slack, want %d each",
				len(distinct["webhook"]), len(distinct["mail"]), len(distinct["slack"]), want)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// check compares what came with what had to. It returns how many repetitions
// there were; a death has to excuse each.
func (x expectation) check(s *story, deaths []death) (repeated int) {
	s.t.Helper()
	list, doors := s.arrivals()
	alertOf := map[string]string{}
	for alert, door := range doors {
		if other, twice := alertOf[door]; twice {
			s.t.Errorf("door %s has two alerts, %s and %s", door, other, alert)
		}
		alertOf[door] = alert
	}
	first := map[string]time.Time{} // by channel and id
	told := map[string]int{}        // by channel, alert and event
	for _, a := range list {
		key := a.channel + " " + a.id
		if before, again := first[key]; again {
			repeated++
			if !excused(deaths, before, a.time) {
				s.t.Errorf("the %s message about %s came at %s and again at %s, with no kill between", a.channel, doors[a.alert], before, a.time)
			}
		} else {
			told[a.channel+" "+a.alert+" "+a.event]++
		}
		first[key] = a.time
	}
	for door, events := range x {
		alert := alertOf[door]
		for _, event := range events {
			for _, channel := range []string{"webhook", "mail"} {
				if n := told[channel+" "+alert+" "+string(event)]; n != 1 {
					s.t.Errorf("%s told %d times by %s about door %s, want once", event, n, channel, door)
				}
			}
		}
		if n := told["slack "+alert+" "]; n != len(events) {
			s.t.Errorf("Slack got %d messages about door %s, want %d", n, door, len(events))
		}
	}
	for alert, door := range doors {
		if _, known := x[door]; !known {
			s.t.Errorf("alert %s about %s has no cause", alert, door)
		}
	}
	return repeated
}

// death is the end of who sends messages. What it sent last may be noted by the
// receiver after its end, but not after the next one began.
type death struct{ at, anew time.Time }

// excused is whether a message was sent before a death and again after it.
func excused(deaths []death, first, again time.Time) bool {
	for _, d := range deaths {
		if first.Before(d.anew) && again.After(d.at) {
			return true
		}
	}
	return false
}

// lookID is the id of the look in a report.
func lookID(t *testing.T, report string) string {
	t.Helper()
	return records[portvigil.LookRecord](t, report, "look")[0].ID
}
