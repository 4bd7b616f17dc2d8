package watch

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/portvigil/portvigil"
)

// disk is a folder that tests write to.
type disk struct {
	files  fstest.MapFS
	broken error
	writes time.Duration // each file is younger than the one before
}

func (d *disk) Open(name string) (fs.File, error) {
	if d.broken != nil {
		return nil, d.broken
	}
	return d.files.Open(name)
}

func (d *disk) write(name, text string) {
	d.writes += time.Second
	d.files[name] = &fstest.MapFile{Data: []byte(text), ModTime: dawn.Add(d.writes)}
}

const explains22 = "version: 1\nhost: web1\nentries:\n  - {port: 22, proto: tcp, why: administration, owner: ann}\n"

// followed is web1 with its door 22 explained by a file of a folder, and told to ops.
func followed(t *testing.T) (*world, *disk) {
	t.Helper()
	d := &disk{files: fstest.MapFS{}}
	d.write("hosts/web1.yaml", explains22)
	d.write(".git/web1.yaml", "this is no baseline")
	d.write("README.md", "neither is this")
	w := newWorld(t)
	w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock, Folder: Folder{FS: d, Path: "/srv/baseline"}})
	w.must(w.engine.pollFolder(t.Context()))
	w.web(22)
	w.quiet()
	w.channel("ops")
	return w, d
}

// polled lets the folder be seen to change, and to stand still.
func (w *world) polled() {
	w.Helper()
	for range 2 {
		w.must(w.engine.pollFolder(w.Context()))
	}
	w.must(w.engine.sweep(w.Context()))
}

func TestAFolderIsTheBaseline(t *testing.T) {
	t.Parallel()
	w, d := followed(t)
	v, err := w.engine.Baseline(t.Context(), web1)
	w.must(err)
	if v.Version != 1 || v.By != "file hosts/web1.yaml" || !v.Time.Equal(d.files["hosts/web1.yaml"].ModTime) || v.Text != explains22 {
		t.Errorf("the baseline is %+v", v)
	}
	w.polled()
	if v, err = w.engine.Baseline(t.Context(), web1); err != nil || v.Version != 1 {
		t.Errorf("nothing changed, and it is at version %d: %v", v.Version, err)
	}
	delete(d.files, "hosts/web1.yaml")
	d.write("web2.yaml", strings.ReplaceAll(explains22, "web1", "web2"))
	w.polled()
	if a := w.only(); a.Port != 22 && a.Kind != portvigil.DoorsToExplain {
		t.Errorf("its file is gone, and open is %s", a.Text)
	}
}

func TestWhoWritesSeveralFilesIsLetFinish(t *testing.T) {
	t.Parallel()
	w, d := followed(t)
	d.write("hosts/web1.yaml", "version: 1\nhost: web1\nentr")
	w.must(w.engine.pollFolder(t.Context()))
	d.write("hosts/web1.yaml", explains22+"  - {port: 80, proto: tcp, why: shop, owner: ann}\n")
	w.must(w.engine.pollFolder(t.Context()))
	w.must(w.engine.sweep(t.Context()))
	w.quiet()
	if v, _ := w.engine.Baseline(t.Context(), web1); v.Version != 1 {
		t.Errorf("it was taken while it changed: version %d", v.Version)
	}
	w.polled()
	if v, _ := w.engine.Baseline(t.Context(), web1); v.Version != 2 {
		t.Errorf("it stands still, and is at version %d", v.Version)
	}
}

func TestAFileThatCannotBeUsedLeavesInForceWhatItSaid(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		breaks func(*disk)
		says   string
	}{
		"a line is wrong":     {func(d *disk) { d.write("hosts/web1.yaml", explains22+"  - {port: 99999, proto: tcp}\n") }, "hosts/web1.yaml:5"},
		"it is empty":         {func(d *disk) { d.write("hosts/web1.yaml", "") }, "hosts/web1.yaml"},
		"another has it, too": {func(d *disk) { d.write("web1.yaml", explains22) }, "hosts/web1.yaml already"},
		"no file is left":     {func(d *disk) { d.files = fstest.MapFS{} }, "no YAML file"},
		"it cannot be read":   {func(d *disk) { d.broken = errors.New("input/output error") }, "input/output error"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, d := followed(t)
			c.breaks(d)
			w.polled()
			a := w.only()
			if a.Kind != portvigil.BaselineUnreadable || !strings.Contains(a.Text, c.says) {
				t.Fatalf("open is %s: %s", a.Kind, a.Text)
			}
			if v, err := w.engine.Baseline(t.Context(), web1); err != nil || v.Text != explains22 {
				t.Errorf("in force is %q: %v", v.Text, err)
			}
			d.broken, d.files = nil, fstest.MapFS{}
			d.write("hosts/web1.yaml", explains22+"\n")
			w.polled()
			w.quiet()
			if got := w.told(); len(got) != 2 {
				t.Errorf("told %v", got)
			}
		})
	}
}

func TestAnExpectedDoorWaitsUntilTheFolderSaysSo(t *testing.T) {
	t.Parallel()
	w, d := followed(t)
	w.out.set(home4, 22, 9100)
	w.after(time.Hour)
	w.look()
	a, err := w.engine.Resolve(t.Context(), "bob", w.only().ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "metrics", Owner: "ann"})
	w.must(err)
	if a.State != portvigil.AlertWaitingBaseline || !strings.Contains(a.Edit, "+++ b/hosts/web1.yaml") || !strings.Contains(a.Edit, "9100") {
		t.Fatalf("it is %s, the edit\n%s", a.State, a.Edit)
	}
	w.polled()
	w.after(day)
	w.look()
	if got := w.only(); got.State != portvigil.AlertWaitingBaseline {
		t.Errorf("a day later it is %s", got.State)
	}
	d.write("hosts/web1.yaml", explains22+"  - {port: 9100, proto: tcp, why: metrics, owner: ann}\n")
	w.polled()
	got := w.alert(a.ID)
	if got.Open() || got.Resolution.Kind != portvigil.ResolvedExpected || got.Resolution.By != "bob" || got.Resolution.Why != "metrics" || got.Edit != "" {
		t.Errorf("it ended as %+v, the edit %q", got.Resolution, got.Edit)
	}
}

func TestADoorThatShutsWhileItsEntryIsWaitedForIsCleared(t *testing.T) {
	t.Parallel()
	w, _ := followed(t)
	w.out.set(home4, 22, 9100)
	w.after(time.Hour)
	w.look()
	a, err := w.engine.Resolve(t.Context(), "bob", w.only().ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "metrics", Owner: "ann"})
	w.must(err)
	w.out.set(home4, 22)
	w.after(time.Hour)
	w.look()
	if got := w.alert(a.ID); got.Open() || got.Resolution.Kind != portvigil.ResolvedCleared || got.Edit != "" {
		t.Errorf("it is %s as %+v", got.State, got.Resolution)
	}
}

func TestDoorsToExplainEndAsWhatBecameOfThem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		becomes func(*world, *disk)
		want    portvigil.ResolutionKind
	}{
		"the folder has their entry": {func(w *world, d *disk) {
			d.write("hosts/web1.yaml", explains22)
			w.polled()
		}, portvigil.ResolvedExpected},
		"they are shut before it has": {func(w *world, _ *disk) {
			w.out.set(home4)
			w.look()
		}, portvigil.ResolvedCleared},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &disk{files: fstest.MapFS{}}
			d.write("hosts/web1.yaml", "version: 1\nhost: web1\nentries: []\n")
			w := newWorld(t)
			w.engine = New(w.store, w.out, w.post, Options{Clock: w.clock, Folder: Folder{FS: d, Path: "/srv/baseline"}})
			w.must(w.engine.pollFolder(t.Context()))
			w.web(22)
			a, err := w.engine.Resolve(t.Context(), "bob", w.only().ID, portvigil.ResolveRequest{Kind: portvigil.ResolvedExpected, Why: "ssh", Owner: "ann"})
			w.must(err)
			if a.Kind != portvigil.DoorsToExplain || a.State != portvigil.AlertWaitingBaseline {
				t.Fatalf("it is %s, %s", a.Kind, a.State)
			}
			w.after(time.Hour)
			c.becomes(w, d)
			if got := w.alert(a.ID); got.Open() || got.Resolution.Kind != c.want {
				t.Errorf("it is %s as %+v, want %s", got.State, got.Resolution, c.want)
			}
		})
	}
}

func TestTheServerEditsNothingThatAFolderHas(t *testing.T) {
	t.Parallel()
	w, _ := followed(t)
	w.out.set(home4, 22, 80)
	w.after(time.Hour)
	w.look()
	v, err := w.engine.Approve(t.Context(), "ann", web1, portvigil.ApproveRequest{Doors: []string{"80/tcp"}, Why: "shop", Owner: "ann"})
	w.must(err)
	if v.Version != 1 || !strings.Contains(v.Edit, "+  - {port: 80, proto: tcp, ") {
		t.Errorf("version %d, the edit\n%s", v.Version, v.Edit)
	}
	v, err = w.engine.RemoveDoor(t.Context(), "ann", web1, "22/tcp")
	w.must(err)
	if v.Version != 1 || !strings.Contains(v.Edit, "-  - {port: 22") {
		t.Errorf("version %d, the edit\n%s", v.Version, v.Edit)
	}
	_, err = w.engine.ImportBaseline(t.Context(), "ann", []portvigil.BaselineVersion{{Kind: docHost, Name: web1, Text: explains22}})
	w.refused(err, portvigil.CodeConflict)
	w.add("web9", []string{"203.0.113.9"}, 443)
	w.run(0)
	v, err = w.engine.Approve(t.Context(), "ann", "web9", portvigil.ApproveRequest{All: true, Why: "shop", Owner: "ann"})
	w.must(err)
	if !strings.HasPrefix(v.Edit, "--- /dev/null\n+++ b/web9.yaml\n") {
		t.Errorf("the edit of a host without a file is\n%s", v.Edit)
	}
}

func TestRunFollowsTheFolderWithinSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, d := followed(t)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.engine.Run(ctx) }()
		synctest.Wait()
		d.write("hosts/web1.yaml", explains22+"# reviewed\n")
		time.Sleep(2*folderEvery + time.Second) // of the bubble's clock
		synctest.Wait()
		if v, err := w.engine.Baseline(t.Context(), web1); err != nil || v.Version != 2 {
			t.Errorf("it is at version %d: %v", v.Version, err)
		}
		stop()
		w.must(<-done)
	})
}
