package inside

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

const hash = "3f1a9c0be4d2576f8890aa11bb22cc33dd44ee55ff66778899aabbccddeeff00"

func TestACgroupTellsTheUnitAndTheContainer(t *testing.T) {
	tests := []struct{ name, content, unit, container string }{
		{"a service", "0::/system.slice/nginx.service\n", "nginx.service", ""},
		{"a service's own sub-group", "0::/system.slice/foo.service/worker\n", "foo.service", ""},
		{"a template's instance below its slice", "0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n", "postgresql@15-main.service", ""},
		{"a user's service", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/syncthing.service\n", "syncthing.service", ""},
		{"a login session", "0::/user.slice/user-0.slice/session-3.scope\n", "session-3.scope", ""},
		{"an escaped name", `0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-my\x2dtool.scope` + "\n", "app-my-tool.scope", ""},
		{"an escape that would make a line end", `0::/system.slice/a\x0ab.service` + "\n", `a\x0ab.service`, ""},
		{"process 1", "0::/init.scope\n", "init.scope", ""},
		{"no unit at all", "0::/\n", "", ""},
		{"version 1", "12:pids:/system.slice/ssh.service\n1:name=systemd:/system.slice/ssh.service\n0::/system.slice/ssh.service\n", "ssh.service", ""},
		{"version 1 with controllers elsewhere", "3:memory:/elsewhere.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n", "ssh.service", ""},
		{"Docker with systemd", "0::/system.slice/docker-" + hash + ".scope\n", "", hash},
		{"Docker with cgroupfs", "5:cpu:/docker/" + hash + "\n1:name=systemd:/docker/" + hash + "\n", "", hash},
		{"Docker seen from a namespace beside it", "0::/../docker-" + hash + ".scope\n", "", hash},
		{"Kubernetes with containerd", "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-" + hash + ".scope\n", "", hash},
		{"Kubernetes with cgroupfs", "0::/kubepods/besteffort/pod0a1b2c3d/" + hash + "\n", "", hash},
		{"CRI-O", "0::/kubepods.slice/kubepods-pod1.slice/crio-" + hash + ".scope\n", "", hash},
		{"Podman", "0::/machine.slice/libpod-" + hash + ".scope/container\n", "", hash},
		{"Podman below a service", "0::/system.slice/web.service/libpod-payload-" + hash + "\n", "web.service", hash},
		{"LXC on version 2", "0::/lxc.payload.web1/system.slice/nginx.service\n", "nginx.service", "web1"},
		{"LXC on version 1", "1:name=systemd:/lxc/web1\n", "", "web1"},
		{"systemd-nspawn", "0::/machine.slice/systemd-nspawn@web.service/payload\n", "systemd-nspawn@web.service", "web"},
		{"a machine that was registered", `0::/machine.slice/machine-my\x2dbox.scope` + "\n", "machine-my-box.scope", "my-box"},
		{"a virtual machine is no container", `0::/machine.slice/machine-qemu\x2d1\x2ddb.scope` + "\n", "machine-qemu-1-db.scope", ""},
		{"hex of another length is no container", "0::/app/" + hash + "00\n", "", ""},
		{"a path with colons", "0::/system.slice/a:b.service\n", "a:b.service", ""},
		{"a name that is no UTF-8", "0::/system.slice/a\xff.service\n", `a\xff.service`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := cgroup{test.unit, test.container}
			if diff := cmp.Diff(want, parseCgroup(test.content), cmp.AllowUnexported(cgroup{})); diff != "" {
				t.Errorf("cgroup (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever a control group is called, what is told of it is text of one line, and
// a unit ends as units do.
func FuzzParseCgroup(f *testing.F) {
	f.Add("0::/system.slice/docker-" + hash + ".scope\n")
	f.Add("1:name=systemd:/lxc/web1\n0::/a\\x2db.service")
	f.Add("0::/machine.slice/systemd-nspawn@\xff.service")
	f.Fuzz(func(t *testing.T, content string) {
		c := parseCgroup(content)
		for _, s := range []string{c.unit, c.container} {
			if !utf8.ValidString(s) || strings.Contains(s, "\n") && !strings.Contains(content, "\r") {
				t.Errorf("%q is not one line of text", s)
			}
		}
		if c.unit != "" && !strings.Contains(c.unit, ".") {
			t.Errorf("%q is no unit", c.unit)
		}
	})
}
