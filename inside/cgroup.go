package inside

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// cgroup is what the control group of a process tells about where it runs.
type cgroup struct {
	unit      string // systemd unit, "" for none
	container string // id of the container, "" for none
}

var (
	// containerHash is the id that Docker, containerd, CRI-O and Podman give:
	// 256 bits in hex. They write it bare (/docker/<id>, /kubepods/…/<id>) or in
	// a unit's name (docker-<id>.scope, cri-containerd-<id>.scope,
	// crio-<id>.scope, libpod-<id>.scope).
	containerHash = regexp.MustCompile(`(?:^|[^0-9a-f])([0-9a-f]{64})(?:$|[^0-9a-f])`)
	// lxcName is LXC's: lxc.payload.web (cgroup v2), /lxc/web (v1).
	lxcName = regexp.MustCompile(`(?:^|/)lxc(?:\.payload\.|\.payload/|/)([^/]+)`)
	// machineName is systemd-nspawn's: systemd-nspawn@web.service, or
	// machine-web.scope below machine.slice; libvirt's guests (machine-qemu…)
	// are no containers.
	machineName = regexp.MustCompile(`(?:^|/)machine\.slice/(?:systemd-nspawn@(.+?)\.service|machine-([^/]+)\.scope)(?:/|$)`)
)

// parseCgroup reads /proc/PID/cgroup (cgroups(7)): lines of
// hierarchy-ID:controllers:path. With version 2 there is one, "0::PATH"; with
// version 1 the unit is in systemd's own hierarchy, and the container may be told
// by any.
func parseCgroup(content string) cgroup {
	var paths []string // the ones that tell the most first
	for line := range strings.Lines(content) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 || parts[2] == "/" || parts[2] == "" {
			continue
		}
		if parts[0] == "0" && parts[1] == "" || parts[1] == "name=systemd" {
			paths = slices.Insert(paths, 0, parts[2])
		} else {
			paths = append(paths, parts[2])
		}
	}
	var found cgroup
	for _, path := range paths {
		if found.container == "" {
			found.container = text(containerOf(path))
		}
		if found.unit == "" {
			found.unit = text(unitOf(path))
		}
	}
	return found
}

// containerOf returns the id of the innermost container on the path.
func containerOf(path string) string {
	elements := strings.Split(path, "/")
	for _, element := range slices.Backward(elements) {
		if m := containerHash.FindStringSubmatch(element); m != nil {
			return m[1]
		}
	}
	if m := lxcName.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	if m := machineName.FindStringSubmatch(path); m != nil && !strings.HasPrefix(m[2], "qemu") {
		return unescape(m[1] + m[2])
	}
	return ""
}

// unitOf returns the innermost unit on the path that people would name: a
// service, socket or scope. A scope that only carries a container's id is none:
// the id is told apart, and the scope's name changes with every start.
func unitOf(path string) string {
	for _, element := range slices.Backward(strings.Split(path, "/")) {
		if containerHash.MatchString(element) {
			continue
		}
		for _, kind := range []string{".service", ".socket", ".scope", ".mount", ".swap"} {
			if name, found := strings.CutSuffix(element, kind); found && name != "" {
				return unescape(element)
			}
		}
	}
	return ""
}

// unescape undoes systemd's \xNN (systemd.unit(5)) where it stands for a
// printable ASCII character, so that nothing unprintable is made; other escapes
// stay as they are. A leading "_" is systemd's guard for names that the kernel
// uses itself (cg_escape).
func unescape(name string) string {
	name = strings.TrimPrefix(name, "_")
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, `\x`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		c, err := strconv.ParseUint(after[:min(2, len(after))], 16, 8)
		if err != nil || len(after) < 2 || c < ' ' || c > '~' {
			b.WriteString(`\x`)
			name = after
			continue
		}
		b.WriteByte(byte(c))
		name = after[2:]
	}
}
