package inside

import (
	"context"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/portvigil/portvigil"
)

// copyOfCat copies cat(1): a small program that waits for the end of its input,
// whatever sockets it is handed.
func copyOfCat(t *testing.T, path string) {
	t.Helper()
	found, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(found)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// handOver starts a program with a listening socket that it alone holds, and ends
// it with the test.
func handOver(t *testing.T, exe string, attributes *syscall.SysProcAttr) (pid int, port uint16) {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer door.Close()
	socket, err := door.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	cmd := exec.Command(exe)
	cmd.ExtraFiles = []*os.File{socket}
	cmd.SysProcAttr = attributes
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait() // how it ended says nothing about what was tested
	})
	return cmd.Process.Pid, uint16(door.Addr().(*net.TCPAddr).Port)
}

func TestTheExecutableIsToldAsItIsAndWhetherItIsGone(t *testing.T) {
	folder := openFolder(t)
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	name, attributes := who.Username, &syscall.SysProcAttr{}
	if os.Geteuid() == 0 { // another user's
		name, attributes.Credential = "nobody", &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	tests := []struct {
		name, file string
		after      func(path string) error
		want       portvigil.Process
	}{
		{"a plain one", "plain", nil, portvigil.Process{Exe: folder + "/plain"}},
		{"one that was removed", "gone", os.Remove, portvigil.Process{Exe: folder + "/gone", Deleted: true}},
		{"one that was replaced", "replaced", func(path string) error {
			copyOfCat(t, path+".new")
			return os.Rename(path+".new", path)
		}, portvigil.Process{Exe: folder + "/replaced", Deleted: true}},
		{"one that was removed and lives on under another name", "linked", func(path string) error {
			if err := os.Link(path, path+".other"); err != nil {
				return err
			}
			return os.Remove(path)
		}, portvigil.Process{Exe: folder + "/linked", Deleted: true}},
		{"one whose name ends like the kernel's remark", "odd (deleted)", nil, portvigil.Process{Exe: folder + "/odd (deleted)"}},
		{"such a one that was removed", "odder (deleted)", os.Remove, portvigil.Process{Exe: folder + "/odder (deleted)", Deleted: true}},
		{"one whose name is no UTF-8", "caf\xe9", nil, portvigil.Process{Exe: folder + `/caf\xe9`}},
	}
	want := map[uint16]portvigil.Process{}
	for _, test := range tests {
		path := filepath.Join(folder, test.file)
		copyOfCat(t, path)
		pid, port := handOver(t, path, attributes)
		if test.after != nil {
			if err := test.after(path); err != nil {
				t.Fatal(err)
			}
		}
		test.want.PID, test.want.User = pid, name
		want[port] = test.want
	}
	look, err := Take(context.Background(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[uint16]portvigil.Process{}
	for _, l := range look.Listeners {
		if _, ours := want[l.Port]; ours && l.Proto == portvigil.TCP && l.Process != nil && l.Address.Is4() {
			got[l.Port] = *l.Process
		}
	}
	if diff := cmp.Diff(want, got, ignoreStart); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}
