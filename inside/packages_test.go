package inside

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// write makes files below a folder.
func write(t testing.TB, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// recorded copies a root from testdata to where links can be made in it.
func recorded(t testing.TB, name string, links map[string]string) tree {
	t.Helper()
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	for at, target := range links {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(at)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, at)); err != nil {
			t.Fatal(err)
		}
	}
	return opened(t, root)
}

func opened(t testing.TB, root string) tree {
	t.Helper()
	r, err := openTree(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// merged makes the links of Debian's merged /usr, one of them absolute.
func merged(t testing.TB) tree {
	t.Helper()
	root := recorded(t, "debian", map[string]string{"bin": "usr/bin", "lib": "/usr/lib"})
	for _, folder := range []string{"usr", "usr/bin", "usr/lib"} {
		if err := root.root.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func bookworm(name, source, version string) *portvigil.Package {
	return &portvigil.Package{Distro: "debian", Release: "bookworm", Name: name, Source: source, Version: version}
}

func TestDpkgTellsThePackageOfAnExecutable(t *testing.T) {
	tests := []struct {
		name, exe string
		want      *portvigil.Package
	}{
		{"with a source of another name", "/usr/sbin/sshd", bookworm("openssh-server", "openssh", "1:9.2p1-2+deb12u3")},
		{"a path that another's begins with", "/usr/sbin/ssh", nil},
		{"a package that only left its settings", "/etc/redis.conf", nil},
		{"one of two architectures, whose source has its own version", "/usr/lib/x86_64-linux-gnu/doord", bookworm("libdoor", "door-tools", "2.0-1+b2")},
		{"the other architecture", "/usr/lib/i386-linux-gnu/doord", bookworm("libdoor", "door-tools", "2.0-1")},
		{"listed in /bin, which is a link to /usr/bin", "/usr/bin/dash", bookworm("dash", "dash", "0.5.12-2")},
		{"told by the old path", "/bin/dash", bookworm("dash", "dash", "0.5.12-2")},
		{"listed in /lib, which is an absolute link", "/usr/lib/systemd/systemd", bookworm("systemd", "systemd", "252.30-1~deb12u2")},
		{"a diverted file belongs to who lists its old name", "/usr/sbin/exim.distrib", bookworm("exim4", "exim4", "4.96-15")},
		{"the name that it left belongs to who diverted it", "/usr/sbin/exim", bookworm("exim4-fork", "exim4-fork", "4.96-1")},
		{"nobody's", "/opt/tool", nil},
	}
	var executables []string
	for _, test := range tests {
		executables = append(executables, test.exe)
	}
	got, all, err := findPackages(merged(t), executables)
	if err != nil || !all {
		t.Fatalf("all %v, %v", all, err)
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.want, got[test.exe]); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", test.name, test.exe, diff)
		}
	}
}

func TestFoldersThatAreNoLinksAreNotMixedUp(t *testing.T) {
	got, _, err := findPackages(recorded(t, "debian", nil), []string{"/usr/bin/dash", "/bin/dash"})
	if err != nil {
		t.Fatal(err)
	}
	if got["/usr/bin/dash"] != nil || got["/bin/dash"] == nil {
		t.Errorf("packages %v, wanted one for /bin/dash alone", got)
	}
}

func TestApkTellsThePackageOfAnExecutable(t *testing.T) {
	got, all, err := findPackages(recorded(t, "alpine", nil), []string{"/usr/sbin/sshd", "/init", "/usr/sbin/other", "/etc/ssh/sshd_config"})
	if err != nil || !all {
		t.Fatalf("all %v, %v", all, err)
	}
	alpine := func(name, source, version string) *portvigil.Package {
		return &portvigil.Package{Distro: "alpine", Release: "3.20.1", Name: name, Source: source, Version: version}
	}
	want := found{
		"/usr/sbin/sshd":       alpine("openssh-server", "openssh", "9.7_p1-r3"),
		"/init":                alpine("rootfile", "rootfile", "1-r0"),
		"/etc/ssh/sshd_config": alpine("openssh-server-common", "openssh", "9.7_p1-r3"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestNoPackageIsAnAnswerOnlyWhereADatabaseWasRead(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]string
		all   bool
	}{
		{"a root of nothing but a program", map[string]string{"door": ""}, true},
		{"a distribution without a known database", map[string]string{"etc/os-release": "ID=arch\n"}, false},
		{"a database in a form that is not read", map[string]string{"etc/os-release": "ID=opensuse\n", "usr/lib/sysimage/rpm/Packages.db": "RpmP"}, false},
		{"a database whose lists are gone", map[string]string{"var/lib/dpkg/status": ""}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := t.TempDir()
			write(t, root, test.files)
			packages, all, err := findPackages(opened(t, root), []string{"/door"})
			if all != test.all || (err == nil) != test.all || len(packages) > 0 {
				t.Errorf("packages %v, all %v, %v", packages, all, err)
			}
		})
	}
}

func TestATreeIsNotLeftWhateverItsLinksSay(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string]string{"secret": "x"})
	root := t.TempDir()
	write(t, root, map[string]string{"in/file": "inside"})
	for at, target := range map[string]string{
		"absolute": "/in/file", "up": "../../../in/file", "out": outside + "/secret", "loop": "loop", "folder": "in",
	} {
		if err := os.Symlink(target, filepath.Join(root, at)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := opened(t, root)
	for path, readable := range map[string]bool{
		"in/file": true, "absolute": true, "up": true, "folder/file": true,
		"out": false, "loop": false, "pipe": false, "in": false, "none": false, "../" + filepath.Base(outside) + "/secret": false,
	} {
		content, err := r.read(path, maxText)
		if (err == nil) != readable || readable && string(content) != "inside" {
			t.Errorf("%s: %q, %v; readable should be %v", path, content, err, readable)
		}
	}
	if content, err := r.read("in/file", 3); err == nil {
		t.Errorf("a file beyond the limit was read: %q", content)
	}
}

func TestOSReleaseIsReadAsAShellWould(t *testing.T) {
	tests := []struct {
		name, content string
		want          distribution
	}{
		{"plain and quoted", "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", distribution{"debian", "bookworm"}},
		{"without a code name", "ID=\"fedora\"\nVERSION_ID=40\n", distribution{"fedora", "40"}},
		{"single quotes and an escape", "ID='alpine'\nVERSION_ID=\"3\\\"20\"\n", distribution{"alpine", `3"20`}},
		{"an empty code name", "ID=fedora\nVERSION_CODENAME=\"\"\nVERSION_ID=41\n", distribution{"fedora", "41"}},
		{"no ID", "NAME=Own\n", distribution{"linux", ""}},
		{"nothing", "", distribution{}},
	}
	for _, test := range tests {
		if got := parseOSRelease(test.content); got != test.want {
			t.Errorf("%s: %+v, wanted %+v", test.name, got, test.want)
		}
	}
}

func TestAUserIsNamedByTheFirstLineWithItsNumber(t *testing.T) {
	got := parsePasswd("root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\nbad:x:1\n+nis:x:5:5::/:\n\nwww:x:33:33::/:/bin/false")
	if diff := cmp.Diff(map[uint32]string{0: "root", 33: "www"}, got); diff != "" {
		t.Errorf("users (-want +got):\n%s", diff)
	}
}

// What is read of a status file, written again, reads the same.
func FuzzParseDpkgStatus(f *testing.F) {
	status, err := os.ReadFile("testdata/debian/var/lib/dpkg/status")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(status)
	read := func(b []byte) (packages []dpkgPackage) {
		for p := range parseDpkgStatus(b) {
			packages = append(packages, p)
		}
		return packages
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		packages := read(b)
		var again bytes.Buffer
		for _, p := range packages {
			fmt.Fprintf(&again, "Package: %s\nArchitecture: %s\nSource: %s\nVersion: %s\n\n", p.name, p.architecture, p.source, p.version)
		}
		if diff := cmp.Diff(packages, read(again.Bytes()), cmp.AllowUnexported(dpkgPackage{})); diff != "" {
			t.Errorf("read again (-want +got):\n%s", diff)
		}
	})
}

// Every file that is told is in the database, below the root, with its package.
func FuzzParseApk(f *testing.F) {
	content, err := os.ReadFile("testdata/alpine/lib/apk/db/installed")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Fuzz(func(t *testing.T, b []byte) {
		files := 0
		parseApk(b, func(file string, p portvigil.Package) {
			files++
			if !strings.HasPrefix(file, "/") || p.Name == "" || p.Version == "" || p.Source == "" && !bytes.Contains(b, []byte("o:\n")) && !bytes.HasSuffix(b, []byte("o:")) {
				t.Errorf("file %q of %+v", file, p)
			}
		})
		if most := bytes.Count(b, []byte("R:")); files > most {
			t.Errorf("%d files of %d lines", files, most)
		}
	})
}

// A user has a name that the file holds, and the order of other lines is nothing.
func FuzzParsePasswd(f *testing.F) {
	f.Add("root:x:0:0::/:/bin/sh\nwww:x:33:33::/:/bin/false\n")
	f.Fuzz(func(t *testing.T, content string) {
		users := parsePasswd(content)
		for uid, name := range users {
			line := fmt.Sprintf("%s:x:%d:0:::", name, uid)
			if got := parsePasswd(line); !strings.ContainsAny(name, "\n:") && got[uid] != name {
				t.Errorf("%q reads as %v", line, got)
			}
		}
		if len(users) > strings.Count(content, ":") {
			t.Errorf("%d users in %q", len(users), content)
		}
	})
}

// Quoting a value for a shell and reading it gives the value.
func FuzzParseOSRelease(f *testing.F) {
	f.Add("debian", "bookworm")
	f.Add(`a"b\`, "$x`y")
	f.Fuzz(func(t *testing.T, id, release string) {
		if strings.ContainsAny(id+release, "\n\r") || id == "" || text(id) != id || text(release) != release {
			return
		}
		quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")
		content := fmt.Sprintf("ID=\"%s\"\nVERSION_CODENAME=\"%s\"\n", quote.Replace(id), quote.Replace(release))
		if got, want := parseOSRelease(content), (distribution{id, release}); got != want {
			t.Errorf("%q reads as %+v, wanted %+v", content, got, want)
		}
	})
}
