package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/notify"
	"github.com/portvigil/portvigil/web"
)

// TestAChannelOfAPageIsTheOneThatACommandMakes holds both ways to one builder.
func TestAChannelOfAPageIsTheOneThatACommandMakes(t *testing.T) {
	t.Parallel()
	draft := web.ChannelDraft{Name: "ops", Kind: "email", To: []string{"ops@example.org"}, From: "p@example.org", Server: "mail.example.org", Port: "587", User: "ann", Password: "hunter2"}
	got, made, err := chosenChannel(draft)
	if err != nil || made != "" {
		t.Fatal(made, err)
	}
	want, _, err := makeChannel(notify.Channel{Name: "ops", Kind: notify.Email, To: []string{"ops@example.org"}, From: "p@example.org", SMTP: "smtp://ann@mail.example.org:587", Secret: "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if (post{}).Check(portvigil.ChannelRow{Name: got.Name, Kind: got.Kind, Settings: got.Settings, Secret: []byte(got.Secret)}) != nil {
		t.Error("the engine does not take it")
	}
	if _, made, err := chosenChannel(web.ChannelDraft{Name: "desk", Kind: "webhook", URL: "https://desk.example.org"}); err != nil || made == "" {
		t.Errorf("a webhook gets the secret %q, %v", made, err)
	}
}

func TestWhatStandsFirstInTheFormIsToldFirst(t *testing.T) {
	t.Parallel()
	for field, edit := range map[string]func(*web.ChannelDraft){
		"name":   func(d *web.ChannelDraft) { d.Name = "a b" },
		"to":     func(d *web.ChannelDraft) { d.To = []string{"nobody"} },
		"from":   func(d *web.ChannelDraft) { d.From = "nobody" },
		"server": func(*web.ChannelDraft) {},
	} {
		d := web.ChannelDraft{Name: "ops", Kind: "email", To: []string{"ops@example.org"}, From: "p@example.org", Server: "http://x"}
		edit(&d)
		var unfit *notify.Unfit
		if _, _, err := chosenChannel(d); !errors.As(err, &unfit) || unfit.Field() != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// TestAChannelThatTheAPIGetsWrongIsRefused: it is not the server that failed.
func TestAChannelThatTheAPIGetsWrongIsRefused(t *testing.T) {
	t.Parallel()
	mail := []byte(`{"to":["ops@example.org"],"from":"p@example.org","smtp":"smtp://mail.example.org:25"}`)
	for name, row := range map[string]portvigil.ChannelRow{
		"settings of another kind": {Name: "ops", Kind: "email", Settings: []byte(`{"to":"ops@example.org"}`), Secret: []byte(`{}`)},
		"no settings":              {Name: "ops", Kind: "email", Secret: []byte(`{}`)},
		"a secret that is no JSON": {Name: "ops", Kind: "email", Settings: mail, Secret: []byte("hunter2")},
		"no address":               {Name: "desk", Kind: "webhook", Settings: []byte(`{}`)},
	} {
		if err := (post{}).Check(row); portvigil.ErrorCode(err) != portvigil.CodeInvalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (post{}).Check(portvigil.ChannelRow{Name: "ops", Kind: "email", Settings: mail}); err != nil {
		t.Errorf("a channel that needs no secret: %v", err)
	}
}
