package lab

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// Need is a program that lab tests run, and the Debian package that has it.
type Need struct {
	Command string // looked for by Find
	Package string
}

// Needs lists every program that a lab test may ask for. It is what `make test`
// installs, as root, on a machine that lacks it.
func Needs() []Need {
	return []Need{
		{"ip", "iproute2"},
		{"ss", "iproute2"},
		{"nft", "nftables"},
		{"nginx", "nginx-light"},
		{"sshd", "openssh-server"},
		{"prometheus-node-exporter", "prometheus-node-exporter"},
		{"redis-server", "redis-server"},
		{"mariadbd", "mariadb-server"},
		{"nmap", "nmap"},
		{"ndiff", "ndiff"},
		{"postgres", "postgresql"},
		{"chromium", "chromium"},
		{"strace", "strace"},
		{"npm", "npm"}, // for axe-core; Debian has none
	}
}

// BenchNeeds lists what only measurements ask for: another scanner to stand beside, and
// real daemons behind UDP ports. Where one is missing it is left out, with a word.
func BenchNeeds() []Need {
	return []Need{
		{"masscan", "masscan"},
		{"dnsmasq", "dnsmasq-base"},
		{"atftpd", "atftpd"},
		{"rpcbind", "rpcbind"},
		{"chronyd", "chrony"},
		{"nmbd", "samba"},
		{"snmpd", "snmpd"},
		{"/usr/lib/ipsec/charon", "strongswan-charon"},
		{"xl2tpd", "xl2tpd"},
		{"turnserver", "coturn"},
		{"openssl", "openssl"},
		{"kamailio", "kamailio"},
		{"coap-server-openssl", "libcoap3-bin"},
		{"memcached", "memcached"},
		{"murmurd", "mumble-server"},
		{"inetutils-inetd", "inetutils-inetd"},
	}
}

// Find returns the path of a program. Daemons and network tools live in sbin
// folders, which are not on everybody's PATH: su without a dash keeps the
// caller's. Debian keeps PostgreSQL's server in a folder for each version, of
// which the newest is taken. The error is exec.ErrNotFound.
func Find(command string) (string, error) {
	if path, err := exec.LookPath(command); err == nil {
		return path, nil
	}
	// The pattern is well formed, and no folder that matches is no error.
	versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(versions, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(b, a)) })
	for _, dir := range append([]string{"/usr/local/sbin", "/usr/sbin", "/sbin"}, versions...) {
		path := filepath.Join(dir, command)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", &exec.Error{Name: command, Err: exec.ErrNotFound}
}

// Missing returns those of the needs that this machine does not have.
func Missing(needs []Need) []Need {
	var missing []Need
	for _, n := range needs {
		if _, err := Find(n.Command); err != nil {
			missing = append(missing, n)
		}
	}
	return missing
}
