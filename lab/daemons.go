package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/portvigil/portvigil"
)

// Nginx starts Debian's nginx with one worker, on IPv4 and IPv6. It answers
// every request with "hello" and its default headers.
func (h *Host) Nginx(t testing.TB, port uint16) *Process {
	t.Helper()
	Require(t, "nginx")
	dir := t.TempDir()
	config := fmt.Sprintf(`daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]d;
		listen [::]:%[2]d;
		location / { return 200 "hello\n"; }
	}
}
`, dir, port)
	file := write(t, dir, "nginx.conf", config)
	// -e: else it complains that it may not open its compiled-in error log.
	return h.daemon(t, port, "nginx", "-e", "stderr", "-p", dir, "-c", file)
}

// Sshd starts OpenSSH's server with a new ed25519 host key; nobody can sign in.
func (h *Host) Sshd(t testing.TB, port uint16) *Process {
	t.Helper()
	Require(t, "sshd")
	dir := t.TempDir()
	key := filepath.Join(dir, "hostkey")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("make a host key: %v: %s", err, out)
	}
	// The folder that its unprivileged half is locked into is compiled in, and
	// on a machine that never ran the service it is not there.
	if err := os.Mkdir("/run/sshd", 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatalf("make sshd's folder: %v", err)
	}
	config := write(t, dir, "sshd_config", fmt.Sprintf(
		"Port %d\nHostKey %s\nPidFile none\nUsePAM no\nPasswordAuthentication no\n", port, key))
	return h.daemon(t, port, "sshd", "-D", "-e", "-f", config)
}

// NodeExporter starts Debian's Prometheus node exporter.
func (h *Host) NodeExporter(t testing.TB, port uint16) *Process {
	t.Helper()
	return h.daemon(t, port, "prometheus-node-exporter", nodeExporterArgs(port)...)
}

// NodeExporterInUnit starts it as systemd would, in a unit of its name.
func (h *Host) NodeExporterInUnit(t testing.TB, port uint16) *Process {
	t.Helper()
	p := h.StartInUnit(t, "prometheus-node-exporter.service", "prometheus-node-exporter", nodeExporterArgs(port)...)
	p.WaitListen(t, portvigil.TCP, port)
	return p
}

func nodeExporterArgs(port uint16) []string {
	return []string{"--web.listen-address=:" + strconv.Itoa(int(port))}
}

// Redis starts a Redis that keeps nothing and takes commands from everybody.
func (h *Host) Redis(t testing.TB, port uint16) *Process {
	t.Helper()
	return h.daemon(t, port, "redis-server", "--port", strconv.Itoa(int(port)),
		"--bind", "*", "-::*", "--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir", t.TempDir())
}

// MariaDB starts MariaDB on an empty data folder. It has no system tables, and
// so no users (--skip-grant-tables): it greets like any other, which is what a
// look sees, and starts in a second instead of five.
func (h *Host) MariaDB(t testing.TB, port uint16) *Process {
	t.Helper()
	dir := t.TempDir()
	return h.daemon(t, port, "mariadbd", "--no-defaults", "--datadir="+dir, "--user=root",
		"--skip-grant-tables", "--bind-address=*", "--port="+strconv.Itoa(int(port)),
		"--socket="+dir+"/socket", "--pid-file="+dir+"/pid",
		"--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M")
}

// Listen starts a plain listener in a process of its own (lab/doorman). Each
// door is tcp/ADDRESS:PORT or udp/ADDRESS:PORT, where an empty address means
// all of both families; it returns when all are open.
func (h *Host) Listen(t testing.TB, doors ...string) *Process {
	t.Helper()
	p := h.Start(t, BuildDoorman(t), doors...)
	p.WaitOutput(t, "open\n")
	return p
}

// daemon starts a program and waits until it listens on the TCP port.
func (h *Host) daemon(t testing.TB, port uint16, name string, args ...string) *Process {
	t.Helper()
	p := h.Start(t, name, args...)
	p.WaitListen(t, portvigil.TCP, port)
	return p
}

func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
