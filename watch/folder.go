package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
)

// Folder is a folder of baseline files that the server follows: a working copy
// of a git repository, say. What is written there takes the place of what people
// would write on the server: each change becomes the next version of its host's or
// group's document, and the server itself edits nothing.
//
// A file that cannot be read, or that says what another one says, counts for
// nothing: what it said before stays in force, and an alert tells which file and
// line. While there is one, no document is taken to be gone.
type Folder struct {
	FS   fs.FS
	Path string // what people know it by
}

const (
	// folderEvery is how often the folder is asked whether anything changed.
	folderEvery = 2 * time.Second
	// maxFolderFiles and maxFolderFile bound what is read of it.
	maxFolderFiles = 10_000
	maxFolderFile  = 4 << 20
)

// follower is what the engine knows of its folder.
type follower struct {
	Folder
	mu       sync.Mutex
	seen     string                       // the signature of the last poll; guarded by mu
	applied  string                       // the one that is in force; guarded by mu
	read     bool                         // whether it was read once; guarded by mu
	files    map[string][]byte            // the newest good text of each file; guarded by mu
	pathOf   map[string]string            // "host web1": its file; guarded by mu
	troubles map[string]portvigil.Trouble // by file; guarded by mu
}

// follows reports whether the baseline follows a folder.
func (f *follower) follows() bool { return f.FS != nil }

// FolderSubject names a file of the folder as what an alert is about.
func FolderSubject(file string) portvigil.Subject { return portvigil.Subject{Kind: "file", Name: file} }

// pollFolder reads the folder where it has changed and stands still since the
// last poll: who writes several files is let finish. The first poll takes it as it is.
func (e *Engine) pollFolder(ctx context.Context) error {
	f := &e.folder
	if !f.follows() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	files, signature, err := f.list()
	if err != nil {
		signature = "unreadable: " + err.Error()
	}
	still := signature == f.seen || !f.read
	if f.seen = signature; !still || signature == f.applied && f.read {
		return nil
	}
	docs := f.load(files, err)
	if err := e.store.Update(ctx, func(tx Tx) error { return e.take(tx, docs, len(f.troubles) == 0) }); err != nil {
		return fmt.Errorf("follow the baseline in %s: %w", f.Path, err)
	}
	f.applied, f.read = signature, true
	return nil
}

// found is a file of the folder.
type found struct {
	path     string
	size     int64
	modified time.Time
}

// list returns the folder's YAML files by path, and a text that is another one
// when any of them is. Names that begin with a dot are passed over, .git among them.
func (f *follower) list() (files []found, signature string, err error) {
	var b strings.Builder
	err = fs.WalkDir(f.FS, ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case err != nil:
			return err
		case d.IsDir() && hidden:
			return fs.SkipDir
		case d.IsDir() || hidden || path.Ext(name) != ".yaml" && path.Ext(name) != ".yml":
			return nil
		case len(files) == maxFolderFiles:
			return fmt.Errorf("it has more than %d files", maxFolderFiles)
		}
		info, err := fs.Stat(f.FS, name) // of what a link leads to
		if err != nil {
			return err
		}
		files = append(files, found{name, info.Size(), info.ModTime()})
		fmt.Fprintf(&b, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	return files, b.String(), err
}

// load reads the files and notes what is wrong with any. It returns the
// documents of the good ones. The caller holds mu.
func (f *follower) load(files []found, failure error) (docs []portvigil.BaselineVersion) {
	f.troubles = map[string]portvigil.Trouble{}
	if failure == nil && len(files) == 0 {
		failure = errors.New("there is no YAML file in it")
	}
	if failure != nil {
		f.trouble(f.Path, failure)
		return nil
	}
	before := f.files
	f.files, f.pathOf = map[string][]byte{}, map[string]string{}
	for _, file := range files {
		text, own, err := f.split(file)
		if err != nil {
			f.trouble(file.path, err)
			if text, there := before[file.path]; there {
				f.files[file.path] = text
			}
			continue
		}
		f.files[file.path] = text
		for _, d := range own {
			f.pathOf[nameOf(d.Kind, d.Name)] = file.path
			d.By, d.Why, d.Time = "file "+file.path, "changed in "+file.path, file.modified.UTC().Truncate(time.Microsecond)
			docs = append(docs, d)
		}
	}
	return docs
}

// split parts a file into its documents. One that another file has already is refused.
func (f *follower) split(file found) ([]byte, []portvigil.BaselineVersion, error) {
	if file.size > maxFolderFile {
		return nil, nil, fmt.Errorf("it is larger than %d MiB", maxFolderFile>>20)
	}
	text, err := fs.ReadFile(f.FS, file.path)
	if err != nil {
		return nil, nil, err
	}
	docs, err := portvigil.SplitBaseline(file.path, text)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range docs {
		if other := f.pathOf[nameOf(d.Kind, d.Name)]; other != "" {
			return nil, nil, fmt.Errorf("%s %s has a document in %s already", d.Kind, portvigil.Printable(d.Name), other)
		}
	}
	return text, docs, nil
}

func (f *follower) trouble(file string, err error) {
	f.troubles[file] = portvigil.Trouble{Kind: portvigil.BaselineUnreadable, Subject: FolderSubject(file),
		Text: portvigil.Printable(strings.ReplaceAll(err.Error(), "\n", " ")) + "."}
}

// unreadable returns the troubles of the newest reading, and false where the
// folder was not read yet.
func (f *follower) unreadable() (list []portvigil.Trouble, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.troubles {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b portvigil.Trouble) int { return cmp.Compare(a.Subject.Name, b.Subject.Name) })
	return list, f.read || !f.follows()
}

// take makes the folder's documents the newest versions, and judges every host
// by them. Where whole is true, a document that is not among them is gone.
func (e *Engine) take(tx Tx, docs []portvigil.BaselineVersion, whole bool) error {
	changed := false
	save := func(d portvigil.BaselineVersion) error {
		v, err := current(tx, d.Kind, d.Name)
		if err != nil || v.Text == d.Text {
			return err
		}
		d.Version, changed = v.Version+1, true
		return addBaseline(tx, d)
	}
	there := map[string]bool{}
	for _, d := range docs {
		there[nameOf(d.Kind, d.Name)] = true
		if err := save(d); err != nil {
			return err
		}
	}
	known, err := tx.Baselines()
	if err != nil {
		return err
	}
	for _, v := range known {
		if !whole || there[nameOf(v.Kind, v.Name)] {
			continue
		}
		v.Text = fmt.Sprintf("version: 1\n%s: %s\nentries: []\n", v.Kind, v.Name)
		v.By, v.Why, v.Time = System, "no file of the folder has it any more", e.now()
		if err := save(v); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return e.evaluateAll(tx)
}

// edit returns the patch that a change of a host's document would be in the
// folder: in the file that has it, else in a new one.
func (f *follower) edit(host string, change func(name string, text []byte) ([]byte, error)) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	file := cmp.Or(f.pathOf[nameOf(docHost, host)], host+".yaml")
	text := f.files[file]
	after, err := change(file, text)
	if err != nil {
		return "", err
	}
	return portvigil.BaselinePatch(file, text, after), nil
}

// refuseImport refuses what would be overwritten by the folder.
func (f *follower) refuseImport() error {
	if !f.follows() {
		return nil
	}
	return portvigil.Errorf(portvigil.CodeConflict, "the baseline follows the folder %s", portvigil.Printable(f.Path)).
		WithHint("put the file there instead")
}
