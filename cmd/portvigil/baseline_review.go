package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/portvigil/portvigil"
)

// reviewFlags are what the review is asked to do; at most one of the first four.
type reviewFlags struct {
	keep, close, sign string
	past              bool
	why, owner, until string
	remark            string
	leave             bool
}

func (a *app) baselineReview(file *string) *cobra.Command {
	var f reviewFlags
	c := &cobra.Command{
		Use: "review [HOST|GROUP]", Short: "Go through the entries that need a person, decide about each, and sign",
		Long: `Lists the entries that are new since the last review, unexplained, without an owner,
expired or soon to expire, or that nothing was open behind for a month. Keep or close
each, or edit it; a review that is left goes on where it was. With --file it lists
what the file itself gives reason for.`,
		Example: `  portvigil baseline review
  portvigil baseline review web1 --keep 80/tcp --why "the shop" --owner ann
  portvigil baseline review web1 --close 9100/tcp
  portvigil baseline review --sign "Ann Example" --remark "all well"`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			of := ""
			if len(args) == 1 {
				of = args[0]
			}
			return a.reviewWith(c.Context(), *file, of, f)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.keep, "keep", "", "keep the entry for this PORT/PROTO")
	flags.StringVar(&f.close, "close", "", "remove the entry for this PORT/PROTO")
	flags.StringVar(&f.why, "why", "", "with --keep: why it is open, where nothing says so")
	flags.StringVar(&f.owner, "owner", "", "with --keep: who answers for it")
	flags.StringVar(&f.until, "expires", "", "with --keep: its new last day, 2027-06-30, or never")
	flags.StringVar(&f.sign, "sign", "", "sign the review with this name")
	flags.StringVar(&f.remark, "remark", "", "with --sign: what is to be remembered")
	flags.BoolVar(&f.leave, "leave", false, "with --sign: leave what is undecided for the next review")
	flags.BoolVar(&f.past, "past", false, "list the reviews that were signed")
	c.MarkFlagsMutuallyExclusive("keep", "close", "sign", "past")
	return c
}

func (a *app) reviewWith(ctx context.Context, file, of string, f reviewFlags) error {
	acts := f.keep != "" || f.close != "" || f.sign != "" || f.past
	switch {
	case file != "" && acts:
		return portvigil.Errorf(portvigil.CodeInvalid, "a review is kept on the server, not in a file").WithHint("leave out --file")
	case file != "":
		return a.reviewFile(ctx, file, of)
	case f.past:
		return a.pastReviews(ctx)
	case f.sign != "":
		return a.signReview(ctx, f)
	}
	var agenda portvigil.Agenda
	if err := a.client().get(ctx, at("review"), &agenda); err != nil {
		return err
	}
	switch {
	case f.keep != "":
		return a.decide(ctx, agenda, of, f.keep, portvigil.ReviewRequest{Verdict: portvigil.ReviewKeep, Why: f.why, Owner: f.owner, Expires: f.until})
	case f.close != "":
		return a.decide(ctx, agenda, of, f.close, portvigil.ReviewRequest{Verdict: portvigil.ReviewClose})
	}
	for _, v := range agenda.Meanwhile {
		fmt.Fprintf(a.stderr, "portvigil: beside the review %s %s became version %d, by %s\n", v.Kind, portvigil.Printable(v.Name), v.Version, portvigil.Printable(v.By))
	}
	return a.showItems(agenda.Items, of)
}

// reviewFile lists what a file itself gives reason for: it knows no views and no
// review before.
func (a *app) reviewFile(ctx context.Context, file, of string) error {
	docs, err := a.documents(ctx, file)
	if err != nil {
		return err
	}
	reviewed := make([]portvigil.Reviewed, len(docs))
	for i, d := range docs {
		v := portvigil.BaselineVersion{Kind: "host", Name: d.Host}
		if d.Group != "" {
			v.Kind, v.Name = "group", d.Group
		}
		reviewed[i] = portvigil.Reviewed{DocumentStatus: portvigil.DocumentStatus{BaselineVersion: v, Document: d}, Before: &d}
	}
	return a.showItems(portvigil.ReviewItems(reviewed, nil, nil, time.Now()), of)
}

// reviewRecord is an entry that has to be looked at, as a record.
type reviewRecord struct {
	entryRecord
	Reasons  []portvigil.ReviewReason  `json:"reasons"`
	Sight    portvigil.EntrySight      `json:"sight,omitempty"`
	LastOpen time.Time                 `json:"last_open,omitzero"`
	Decision *portvigil.ReviewDecision `json:"decision,omitempty"`
}

func (a *app) showItems(items []portvigil.ReviewItem, of string) error {
	now, left := time.Now(), 0
	t := a.table("OF", "DOOR", "WHAT", "SEEN", "WHY", "OWNER")
	for _, i := range items {
		if of != "" && i.Name != of {
			continue
		}
		if a.json {
			host := i.Name
			if i.Kind != "host" {
				host = ""
			}
			if err := a.record(reviewRecord{recordOfEntry(host, i.Entry, now), i.Reasons, i.Sight, i.LastOpen, i.Decision}); err != nil {
				return err
			}
			continue
		}
		if i.Decision != nil {
			continue
		}
		left++
		var what []string
		for _, r := range i.Reasons {
			what = append(what, r.Sentence())
		}
		seen := string(i.Sight)
		if i.Sight == portvigil.SightUnknown {
			seen = "not known"
		}
		t.row(portvigil.Printable(i.Name), i.Entry.Target(), strings.Join(what, ", "), seen, portvigil.Printable(i.Entry.Why), portvigil.Printable(i.Entry.Owner))
	}
	switch {
	case a.json:
		return nil
	case left == 0:
		return a.say("Nothing is left to review.")
	}
	return t.print()
}

// decide finds the entry and asks for the decision.
func (a *app) decide(ctx context.Context, agenda portvigil.Agenda, of, target string, q portvigil.ReviewRequest) error {
	if of == "" {
		return portvigil.Errorf(portvigil.CodeInvalid, "whose entry it is, is not said").WithHint("name the HOST or GROUP")
	}
	for _, i := range agenda.Items {
		if i.Name != of || i.Entry.Target() != target || i.Decision != nil {
			continue
		}
		q.Kind, q.Name, q.Version, q.Index = i.Kind, i.Name, i.Version, i.Index
		var v portvigil.BaselineVersion
		if err := a.client().post(ctx, at("review"), q, &v); err != nil {
			return err
		}
		switch {
		case a.json:
			return a.record(versionRecord{"baseline", v.Time, v})
		case v.Edit != "":
			return a.showEdit(v.Edit)
		case q.Verdict == portvigil.ReviewClose:
			return a.say("%s is closed: its entry is gone from version %d of %s.", target, v.Version, of)
		}
		return a.say("%s of %s is kept.", target, of)
	}
	return portvigil.Errorf(portvigil.CodeNotFound, "%s of %s is not to be decided", portvigil.Printable(target), portvigil.Printable(of)).
		WithHint("see what is: portvigil baseline review")
}

// signedRecord is a review as a record.
type signedRecord struct {
	Type string    `json:"type"` // "review"
	Time time.Time `json:"time"`
	portvigil.Review
}

func (a *app) signReview(ctx context.Context, f reviewFlags) error {
	var r portvigil.Review
	if err := a.client().post(ctx, at("review", "sign"), portvigil.ReviewSignature{Name: f.sign, Remark: f.remark, Leave: f.leave}, &r); err != nil {
		return err
	}
	if a.json {
		return a.record(signedRecord{"review", r.Signed, r})
	}
	return a.say("Signed by %s, with %s.", portvigil.Printable(r.Name), plural(len(r.Decisions), "decision"))
}

func (a *app) pastReviews(ctx context.Context) error {
	var list []portvigil.Review
	if err := a.client().get(ctx, at("reviews"), &list); err != nil {
		return err
	}
	t := a.table("SIGNED", "NAME", "DECISIONS", "LEFT", "REMARK")
	for _, r := range list {
		if a.json {
			if err := a.record(signedRecord{"review", r.Signed, r}); err != nil {
				return err
			}
			continue
		}
		t.row(r.Signed.UTC().Format(time.RFC3339), portvigil.Printable(r.Name), fmt.Sprint(len(r.Decisions)), fmt.Sprint(len(r.Left)), portvigil.Printable(r.Remark))
	}
	switch {
	case a.json:
		return nil
	case len(list) == 0:
		return a.say("No review was signed yet.")
	}
	return t.print()
}
