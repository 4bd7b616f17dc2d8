package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// axeFiles name axe-core with its version and the hash of what npm has to get.
//
//go:embed axe/package.json axe/package-lock.json
var axeFiles embed.FS

// axeFolder is where axe-core is kept: out of the tree, in a folder of the user's
// cache that is named after the lock file, so that another version is another
// folder.
func axeFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	lock, err := axeFiles.ReadFile("axe/package-lock.json")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	return filepath.Join(cache, "portvigil-lab", "axe-"+hex.EncodeToString(sum[:6])), nil
}

// axeFile is the program that runs in a page; an error is fs.ErrNotExist where it
// is not installed.
func axeFile() (string, error) {
	dir, err := axeFolder()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "node_modules", "axe-core", "axe.min.js")
	_, err = os.Stat(file)
	return file, err
}

// InstallAxe has npm install axe-core (`npm ci`, so exactly what the lock file
// says, by hash), unless it is there. It tells whether it did anything. Without
// npm the error is exec.ErrNotFound.
func InstallAxe(ctx context.Context) (did bool, err error) {
	if _, err := axeFile(); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	npm, err := Find("npm")
	if err != nil {
		return false, err
	}
	dir, err := axeFolder()
	if err != nil {
		return false, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return false, err
	}
	// Made beside it and moved there, so that half of it is never found.
	half, err := os.MkdirTemp(filepath.Dir(dir), "new-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(half)
	files, err := fs.Sub(axeFiles, "axe")
	if err != nil {
		return false, err
	}
	if err := os.CopyFS(half, files); err != nil {
		return false, err
	}
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = half
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return false, fmt.Errorf("npm ci: %w: %s", err, bytes.TrimSpace(out))
	}
	if err := os.Rename(half, dir); err != nil {
		if _, there := axeFile(); there == nil {
			return false, nil // somebody else was faster
		}
		return false, err
	}
	return true, nil
}

// axeProgram reads axe-core once for the test process: each page gets a copy.
var axeProgram = sync.OnceValues(func() (string, error) {
	file, err := axeFile()
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(file)
	return string(text), err
})

// RequireAxe skips the test where axe-core is not installed.
func RequireAxe(t testing.TB) {
	t.Helper()
	if _, err := axeProgram(); errors.Is(err, fs.ErrNotExist) {
		t.Skip("axe-core is not installed: it needs npm (Debian package npm), and go run ./lab/install")
	} else if err != nil {
		t.Fatalf("read axe-core: %v", err)
	}
}

// WCAG are the tags of axe's rules for what a page has to fulfil: levels A and AA
// of the Web Content Accessibility Guidelines up to 2.2.
var WCAG = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"}

// Axe holds the page as it is now against the rules of axe-core that have one of
// the tags, all of WCAG where none is given. It returns a line for each element
// that violates one: the rule, the element, and what to do. What axe cannot tell
// is told as well, but for text whose contrast our own measure finds enough. Axe is
// brought in past the page's policy, and does not need it.
func (tab *Tab) Axe(t testing.TB, tags ...string) []string {
	t.Helper()
	if len(tags) == 0 {
		tags = WCAG
	}
	return tab.axe(t, map[string]any{"type": "tag", "values": tags})
}

// AxeRules is Axe for rules by their names, such as color-contrast.
func (tab *Tab) AxeRules(t testing.TB, rules ...string) []string {
	t.Helper()
	return tab.axe(t, map[string]any{"type": "rule", "values": rules})
}

func (tab *Tab) axe(t testing.TB, only map[string]any) []string {
	t.Helper()
	RequireAxe(t)
	program, _ := axeProgram() // RequireAxe has looked at the error
	if !tab.axeComes {
		call(t, tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: program})
		run(t, tab, "bring in axe", chromedp.Evaluate[chromedp.Void](program))
		tab.axeComes = true
	}
	options, err := json.Marshal(map[string]any{"runOnly": only})
	if err != nil {
		t.Fatal(err)
	}
	return judged[[]string](t, tab, fmt.Sprintf("lab.axe(%s)", options))
}
