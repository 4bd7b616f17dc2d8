package watch

import (
	"context"
	"fmt"
	"slices"

	"github.com/portvigil/portvigil"
)

// The two kinds of baseline document.
const (
	docHost  = "host"
	docGroup = "group"
)

// baselineOf gathers what holds for a host from the newest documents.
func (e *Engine) baselineOf(tx Tx, h portvigil.Host) (portvigil.Baseline, error) {
	versions, err := tx.BaselinesFor(h.Name)
	if err != nil {
		return portvigil.Baseline{}, err
	}
	var docs []portvigil.Document
	for _, v := range versions {
		in, err := e.parsed.in(v)
		if err != nil {
			return portvigil.Baseline{}, fmt.Errorf("read the baseline of %s %s: %w", v.Kind, v.Name, err)
		}
		docs = append(docs, in...)
	}
	b, _ := portvigil.BaselineFor(docs, h.Name, h.Groups...)
	return b, nil
}

func nameOf(kind, name string) string { return kind + " " + name }

// current returns the newest version of a host's document; version 0 with an
// empty text where there is none yet.
func current(tx Tx, kind, name string) (portvigil.BaselineVersion, error) {
	v, err := tx.Baseline(kind, name)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return portvigil.BaselineVersion{Kind: kind, Name: name}, nil
	}
	return v, err
}

// Approve writes doors into the host's baseline; alerts that are covered by
// that are resolved as expected. It returns the new version; where the baseline
// follows a folder, the newest with the edit to make there.
func (e *Engine) Approve(ctx context.Context, by, name string, q portvigil.ApproveRequest) (v portvigil.BaselineVersion, err error) {
	if len(q.Doors) == 0 && !q.All {
		return v, portvigil.Errorf(portvigil.CodeInvalid, "no door to approve").WithHint("name PORT/PROTO…, or --all")
	}
	doors, err := doorsNamed(q.Doors)
	if err != nil {
		return v, err
	}
	because, err := reasonsOf(q)
	if err != nil {
		return v, err
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		list := doors
		if q.All {
			if list, err = e.unexplained(tx, h); err != nil {
				return err
			}
			if len(list) == 0 {
				return portvigil.Errorf(portvigil.CodeConflict, "%s has no open door that is not in the baseline", name).
					WithHint("see its doors with: portvigil hosts show %s", name)
			}
		}
		if err := because.cover(list); err != nil {
			return err
		}
		v, err = e.approve(tx, by, h, list, because, q.Expires)
		return err
	})
	return v, err
}

func doorsNamed(texts []string) (doors []portvigil.Door, err error) {
	for _, text := range texts {
		d, err := portvigil.ParseDoor(text)
		if err != nil {
			return nil, err
		}
		doors = append(doors, d)
	}
	return doors, nil
}

// unexplained returns the doors that tell something and are open.
func (e *Engine) unexplained(tx Tx, h portvigil.Host) ([]portvigil.Door, error) {
	s, err := e.situation(tx, h)
	if err != nil {
		return nil, err
	}
	var doors []portvigil.Door
	for _, x := range portvigil.Join(s) {
		open := x.Open() && (x.Tells() || x.Verdict == portvigil.Pending) && x.Verdict != portvigil.Hidden
		if open && !slices.Contains(doors, x.Door()) {
			doors = append(doors, x.Door())
		}
	}
	return doors, nil
}

// approve edits the host's document and judges the host anew.
func (e *Engine) approve(tx Tx, by string, h portvigil.Host, doors []portvigil.Door, because reasons, expires string) (portvigil.BaselineVersion, error) {
	v, err := current(tx, docHost, h.Name)
	if err != nil {
		return v, err
	}
	entries, err := e.entriesFor(tx, h, doors, because, expires)
	if err != nil {
		return v, err
	}
	if e.folder.follows() {
		v.Edit, err = e.folder.edit(h.Name, func(name string, text []byte) ([]byte, error) {
			return portvigil.ApproveEntries(name, text, h.Name, entries, e.now())
		})
		return v, err
	}
	text, err := portvigil.ApproveEntries(nameOf(docHost, h.Name), []byte(v.Text), h.Name, entries, e.now())
	if err != nil {
		return v, err
	}
	why := because.together(doors)
	return e.save(tx, by, h, v, string(text), why, portvigil.Approval{By: by, Why: why, Owner: because.owner})
}

func (e *Engine) entriesFor(tx Tx, h portvigil.Host, doors []portvigil.Door, because reasons, expires string) ([]portvigil.Entry, error) {
	s, err := e.situation(tx, h)
	if err != nil {
		return nil, err
	}
	var until portvigil.Date
	if expires != "" {
		if until, err = portvigil.ParseDate(expires); err != nil {
			return nil, err
		}
		if !e.now().Before(until.End()) {
			return nil, portvigil.Errorf(portvigil.CodeInvalid, "%s is over already", until).WithHint("give --expires a day to come")
		}
	}
	exposures := portvigil.Join(s)
	var entries []portvigil.Entry
	for _, door := range doors {
		var seen portvigil.DoorPrint
		var service *portvigil.Service
		var process *portvigil.Process
		for _, x := range exposures {
			if x.Door() != door {
				continue
			}
			if x.Print.Scope.Rank() > seen.Scope.Rank() {
				seen.Scope = x.Print.Scope
			}
			seen.Reaches = append(seen.Reaches, x.Print.Reaches...)
			if service == nil {
				service = x.Service
			}
			if process == nil {
				process = x.Process
			}
		}
		entry := portvigil.SuggestEntry(door, seen.EntryScope(), service, process, because.of(door), because.owner)
		entry.Expires = until
		entries = append(entries, entry)
	}
	return entries, nil
}

// save adds the next version of the host's document, and judges the host by it.
func (e *Engine) save(tx Tx, by string, h portvigil.Host, v portvigil.BaselineVersion, text, why string, approval portvigil.Approval) (portvigil.BaselineVersion, error) {
	if text == v.Text {
		return v, e.evaluate(tx, h, approval)
	}
	v.Version++
	v.Text, v.By, v.Why, v.Time = text, by, why, e.now()
	if err := addBaseline(tx, v); err != nil {
		return v, err
	}
	return v, e.evaluate(tx, h, approval)
}

// addBaseline adds a version, and says who made it.
func addBaseline(tx Tx, v portvigil.BaselineVersion) error {
	if err := tx.AddBaseline(v); err != nil {
		return err
	}
	return tx.AddAct(portvigil.NewAct(v.Time, v.By, portvigil.ActBaselineChanged, v.Kind, v.Name, fmt.Sprintf("to version %d: %s", v.Version, v.Why)))
}

// RemoveDoor takes a door out of the host's baseline.
func (e *Engine) RemoveDoor(ctx context.Context, by, name, door string) (v portvigil.BaselineVersion, err error) {
	d, err := portvigil.ParseDoor(door)
	if err != nil {
		return v, err
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		h, err := tx.Host(name)
		if err != nil {
			return err
		}
		if v, err = current(tx, docHost, name); err != nil {
			return err
		}
		if e.folder.follows() {
			v.Edit, err = e.folder.edit(name, func(file string, text []byte) ([]byte, error) {
				return portvigil.RemoveEntry(file, text, name, d)
			})
			return err
		}
		text, err := portvigil.RemoveEntry(nameOf(docHost, name), []byte(v.Text), name, d)
		if err != nil {
			return err
		}
		v, err = e.save(tx, by, h, v, string(text), "removed "+d.String(), portvigil.Approval{})
		return err
	})
	return v, err
}

// ImportBaseline takes documents as they are written: each becomes the next
// version of its host's or group's document. One that says the same as the
// newest version changes nothing. A document with a Version was made from that
// one: CodeConflict where it is not the newest any more, since what somebody
// wrote meanwhile would be lost. It returns what is newest now.
func (e *Engine) ImportBaseline(ctx context.Context, by string, docs []portvigil.BaselineVersion) (list []portvigil.BaselineVersion, err error) {
	if err := e.folder.refuseImport(); err != nil {
		return nil, err
	}
	for _, d := range docs {
		if err := checkDocument(d); err != nil {
			return nil, err
		}
	}
	err = e.store.Update(ctx, func(tx Tx) error {
		list = nil
		for _, d := range docs {
			v, err := current(tx, d.Kind, d.Name)
			if err != nil {
				return err
			}
			if v.Text != d.Text {
				if d.Version != 0 && d.Version != v.Version {
					return portvigil.Errorf(portvigil.CodeConflict, "the baseline of %s %s has been changed meanwhile: it is at version %d, not %d",
						d.Kind, portvigil.Printable(d.Name), v.Version, d.Version).WithHint("read it again and repeat the change")
				}
				v.Version++
				v.Text, v.By, v.Why, v.Time = d.Text, by, "imported", e.now()
				if err := addBaseline(tx, v); err != nil {
					return err
				}
			}
			list = append(list, v)
		}
		return e.evaluateAll(tx)
	})
	return list, err
}

// checkDocument refuses what is no document of a host or a group, or one of somebody
// else.
func checkDocument(d portvigil.BaselineVersion) (err error) {
	switch d.Kind {
	case docHost:
		err = portvigil.CheckHostName(d.Name)
	case docGroup:
		err = portvigil.CheckGroupName(d.Name)
	default:
		err = portvigil.Errorf(portvigil.CodeInvalid, "%s is no kind of baseline", portvigil.Quoted(d.Kind)).WithHint("write host or group")
	}
	if err == nil {
		_, err = portvigil.ReadDocument(d.Kind, d.Name, []byte(d.Text))
	}
	return err
}

func (e *Engine) evaluateAll(tx Tx) error {
	hosts, err := tx.Hosts()
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if err := e.evaluate(tx, h, portvigil.Approval{}); err != nil {
			return err
		}
	}
	return nil
}

// Baselines returns the newest version of every document.
func (e *Engine) Baselines(ctx context.Context) (list []portvigil.BaselineVersion, err error) {
	err = e.store.View(ctx, func(tx Tx) error { list, err = tx.Baselines(); return err })
	return list, err
}

// Baseline returns the newest version of a host's document. A host that is
// watched and has none yet has version 0, without a text.
func (e *Engine) Baseline(ctx context.Context, name string) (v portvigil.BaselineVersion, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		if v, err = current(tx, docHost, name); err != nil || v.Version > 0 {
			return err
		}
		_, err = tx.Host(name)
		return err
	})
	return v, err
}

// BaselineVersions returns every version of a host's document, or of a group's
// where no host has that name, the oldest first.
func (e *Engine) BaselineVersions(ctx context.Context, name string) (list []portvigil.BaselineVersion, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		for _, kind := range []string{docHost, docGroup} {
			if list, err = tx.BaselineVersions(kind, name); err != nil || len(list) > 0 {
				return err
			}
		}
		return portvigil.Errorf(portvigil.CodeNotFound, "there is no baseline for %s", portvigil.Printable(name)).
			WithHint("see those there are: portvigil baseline export")
	})
	return list, err
}
