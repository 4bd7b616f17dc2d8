package watch

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// Document returns the newest version of the document of a host or a group; kind is
// "host" or "group". A host that is watched and has none yet has version 0,
// without a text.
func (e *Engine) Document(ctx context.Context, kind, name string) (v portvigil.BaselineVersion, err error) {
	err = e.store.View(ctx, func(tx Tx) error {
		if v, err = current(tx, kind, name); err != nil || v.Version > 0 {
			return err
		}
		if kind == docHost {
			_, err = tx.Host(name)
			return err
		}
		return portvigil.Errorf(portvigil.CodeNotFound, "there is no baseline for %s %s", portvigil.Printable(kind), portvigil.Printable(name)).
			WithHint("see those there are: portvigil baseline export")
	})
	return v, err
}

// Documents returns the newest version of every document, hosts first, by name, with
// what it says and the hosts for which it holds. Who gets them does not change what
// is in them.
func (e *Engine) Documents(ctx context.Context) ([]portvigil.DocumentStatus, error) {
	return e.listings.ask(ctx, func() (list []portvigil.DocumentStatus, err error) {
		err = e.viewHosts(ctx, func(v snapshot) error { list, err = e.documents(v, v.hosts); return err })
		return list, err
	})
}

func (e *Engine) documents(tx Tx, hosts []summed) ([]portvigil.DocumentStatus, error) {
	versions, err := tx.Baselines()
	if err != nil {
		return nil, err
	}
	list, at := make([]portvigil.DocumentStatus, len(versions)), map[docName]int{}
	for i, v := range versions {
		list[i].BaselineVersion, at[docName{v.Kind, v.Name}] = v, i
		if list[i].Document, err = e.parsed.only(v); err != nil {
			return nil, err
		}
	}
	for _, h := range hosts {
		groups := slices.Clone(h.Host.Groups)
		if i, there := at[docName{docHost, h.Host.Name}]; there {
			list[i].Hosts = append(list[i].Hosts, h.seen)
			groups = append(groups, list[i].Document.Groups...)
		}
		slices.Sort(groups)
		for _, g := range slices.Compact(groups) {
			if i, there := at[docName{docGroup, g}]; there {
				list[i].Hosts = append(list[i].Hosts, h.seen)
			}
		}
	}
	return list, nil
}

// DocumentVersions returns every version of a document, the oldest first; none
// where nothing was written yet.
func (e *Engine) DocumentVersions(ctx context.Context, kind, name string) (list []portvigil.BaselineVersion, err error) {
	err = e.store.View(ctx, func(tx Tx) error { list, err = tx.BaselineVersions(kind, name); return err })
	return list, err
}

// BaselineFolder names the folder that the baseline follows; "" where people keep
// it on the server.
func (e *Engine) BaselineFolder() string {
	if !e.folder.follows() {
		return ""
	}
	return cmp.Or(e.folder.Path, "its folder")
}

// WriteDocument makes d.Text the next version of its document, with d.Why, and
// judges by it. d.Version is the one that was edited, 0 where there was none:
// CodeConflict where it is not the newest any more. A text that says the same makes
// no version. Where the baseline follows a folder nothing is saved, and what is
// returned has the edit to make there.
func (e *Engine) WriteDocument(ctx context.Context, by string, d portvigil.BaselineVersion) (v portvigil.BaselineVersion, err error) {
	if _, err := portvigil.ReadDocument(d.Kind, d.Name, []byte(d.Text)); err != nil {
		return v, err
	}
	err = e.store.Update(ctx, func(tx Tx) error { v, err = e.writeDocument(tx, by, d); return err })
	return v, err
}

func (e *Engine) writeDocument(tx Tx, by string, d portvigil.BaselineVersion) (v portvigil.BaselineVersion, err error) {
	if v, err = current(tx, d.Kind, d.Name); err != nil {
		return v, err
	}
	if d.Version != v.Version {
		return v, outdated(v, d.Version)
	}
	if v.Text == d.Text {
		return v, nil
	}
	if e.folder.follows() {
		v.Edit, err = e.folder.rewrite(v, d.Text)
		return v, err
	}
	v.Version++
	v.Text, v.By, v.Why, v.Time = d.Text, by, cmp.Or(strings.TrimSpace(d.Why), "edited"), e.now()
	if err := addBaseline(tx, v); err != nil {
		return v, err
	}
	if v.Kind == docGroup {
		return v, e.evaluateAll(tx)
	}
	h, err := tx.Host(v.Name)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return v, nil // written before its host is added
	}
	if err != nil {
		return v, err
	}
	return v, e.evaluate(tx, h, portvigil.Approval{})
}

// outdated refuses an edit of a version that is not the newest any more.
func outdated(newest portvigil.BaselineVersion, edited int) error {
	return portvigil.Errorf(portvigil.CodeConflict, "the baseline of %s %s has been changed meanwhile: it is at version %d, not %d",
		newest.Kind, portvigil.Printable(newest.Name), newest.Version, edited).WithHint("read it again and repeat the change")
}

// rewrite returns the patch that makes a document of the folder say something
// else: in the file that has it, else in a new one.
func (f *follower) rewrite(v portvigil.BaselineVersion, to string) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file, there := f.pathOf[nameOf(v.Kind, v.Name)]
	if !there {
		file = v.Name + ".yaml"
		if v.Kind == docGroup {
			file = "groups/" + file
		}
		return portvigil.BaselinePatch(file, f.files[file], append(bytes.Clone(f.files[file]), to...)), nil
	}
	text := f.files[file]
	before, after, found := bytes.Cut(text, []byte(v.Text))
	if !found {
		return "", portvigil.Errorf(portvigil.CodeConflict, "the file %s is being changed", portvigil.Printable(file)).WithHint("try again in a moment")
	}
	return portvigil.BaselinePatch(file, text, bytes.Join([][]byte{before, []byte(to), after}, nil)), nil
}
