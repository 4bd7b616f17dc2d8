package web

import (
	"path"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// usual is what a door usually is: our own words for what many machines run. It is
// a help for who explains doors, and nothing is concluded from it.
type usual struct {
	name string
	is   string // what it is for, the rest of a sentence that begins with the name
	why  string // the reason that is suggested for the baseline
	// risk says why it should not be reachable by everybody; "" where that is its purpose.
	risk  string
	doors []string // PORT/PROTO
	by    []string // names of programs, of their units, or of what answers
}

const (
	dataRisk    = "whoever gets in has all its data: let it listen on 127.0.0.1 or on a private address"
	controlRisk = "whoever reaches it can take over the machine: let it listen on 127.0.0.1, or shut it"
	plainRisk   = "it sends passwords unencrypted: use SSH instead"
	shareRisk   = "files and more can be had from it by whoever reaches it: let the firewall allow only those who need it"
	adminRisk   = "it is made for those who run the machine: let it listen on 127.0.0.1, or on a private address"
)

// usuals is that table. Ports are those of IANA's registry or of the programs' own defaults.
var usuals = []usual{
	{"SSH", "is how people and programs log in", "how we log in", "", []string{"22/tcp"}, []string{"sshd", "ssh", "dropbear", "openssh"}},
	{"A web server", "answers browsers", "website", "", []string{"80/tcp", "443/tcp", "443/udp", "8080/tcp", "8443/tcp"},
		[]string{"nginx", "apache2", "httpd", "caddy", "lighttpd", "haproxy", "traefik", "varnishd", "envoy", "apache httpd"}},
	{"PortVigil", "is this server itself", "PortVigil's own pages", "", []string{"7979/tcp"}, []string{"portvigil"}},
	{"A mail server", "takes and hands on mail", "mail", "", []string{"25/tcp", "465/tcp", "587/tcp"},
		[]string{"master", "postfix", "exim4", "exim", "sendmail", "opensmtpd", "smtpd"}},
	{"A mailbox server", "lets people read their mail", "mailboxes", "", []string{"110/tcp", "143/tcp", "993/tcp", "995/tcp", "4190/tcp"},
		[]string{"dovecot", "imapd", "cyrmaster", "cyrus imap"}},
	{"A name server", "answers which address a name has", "name server", "", []string{"53/tcp", "53/udp", "853/tcp"},
		[]string{"named", "bind9", "unbound", "nsd", "pdns_server", "knotd", "coredns"}},
	{"systemd-resolved", "answers its neighbours' questions for names (LLMNR, mDNS)", "names in our own network",
		"few servers need it, and it tells neighbours who it is: LLMNR=no and MulticastDNS=no in /etc/systemd/resolved.conf",
		[]string{"5355/tcp", "5355/udp"}, []string{"systemd-resolved", "systemd-resolve"}},
	{"dnsmasq", "answers for names and hands out addresses, often for virtual machines", "names and addresses of our own network", adminRisk, nil, []string{"dnsmasq"}},
	{"Avahi", "tells neighbours what this machine offers (mDNS)", "found by its neighbours",
		"few servers need it: remove avahi-daemon where nobody looks for it", []string{"5353/udp"}, []string{"avahi-daemon"}},
	{"A time service", "keeps the clock right", "time", "", []string{"123/udp", "323/udp"}, []string{"chronyd", "ntpd", "systemd-timesyncd", "ntpsec"}},
	{"DHCP", "gets this machine its address", "gets this machine its address", "", []string{"68/udp", "546/udp"},
		[]string{"dhclient", "dhcpcd", "systemd-networkd", "networkmanager"}},
	{"Printing (CUPS)", "takes what is to be printed", "printing", "a server seldom prints for others: let it listen on 127.0.0.1", []string{"631/tcp", "631/udp"}, []string{"cupsd", "cups", "cups-browsed"}},

	{"PostgreSQL", "is a database", "database", dataRisk, []string{"5432/tcp"}, []string{"postgres", "postgresql", "pgbouncer"}},
	{"MySQL or MariaDB", "is a database", "database", dataRisk, []string{"3306/tcp", "33060/tcp"}, []string{"mysqld", "mariadbd", "mysql", "mariadb"}},
	{"Redis", "is a database in memory, which asks for no password unless told to", "cache", dataRisk, []string{"6379/tcp"}, []string{"redis-server", "valkey-server", "redis", "valkey", "keydb-server"}},
	{"Memcached", "is a cache, which asks nobody for a password", "cache", dataRisk, []string{"11211/tcp", "11211/udp"}, []string{"memcached"}},
	{"MongoDB", "is a database", "database", dataRisk, []string{"27017/tcp", "27018/tcp"}, []string{"mongod", "mongos"}},
	{"Elasticsearch or OpenSearch", "searches documents", "search", dataRisk, []string{"9200/tcp", "9300/tcp"}, []string{"elasticsearch", "opensearch"}},
	{"SQL Server", "is a database", "database", dataRisk, []string{"1433/tcp"}, []string{"sqlservr"}},
	{"Oracle", "is a database", "database", dataRisk, []string{"1521/tcp"}, []string{"tnslsnr"}},
	{"CouchDB", "is a database", "database", dataRisk, []string{"5984/tcp"}, []string{"couchdb"}},
	{"Cassandra", "is a database", "database", dataRisk, []string{"9042/tcp", "7000/tcp"}, []string{"cassandra"}},
	{"ClickHouse", "is a database", "database", dataRisk, []string{"8123/tcp", "9000/tcp"}, []string{"clickhouse", "clickhouse-server"}},
	{"InfluxDB", "keeps measurements", "measurements", dataRisk, []string{"8086/tcp"}, []string{"influxd"}},
	{"A directory (LDAP)", "knows who people are", "directory of our people", dataRisk, []string{"389/tcp", "636/tcp"}, []string{"slapd", "ns-slapd", "openldap"}},
	{"A message queue", "passes messages between programs", "messages between our programs", dataRisk, []string{"5672/tcp", "5671/tcp", "15672/tcp", "4369/tcp", "61616/tcp", "4222/tcp", "9092/tcp"},
		[]string{"rabbitmq-server", "rabbitmq", "epmd", "beam.smp", "activemq", "nats-server"}},
	{"An MQTT broker", "passes messages between devices", "messages of our devices", dataRisk, []string{"1883/tcp", "8883/tcp"}, []string{"mosquitto", "emqx"}},

	{"The Docker API", "starts and stops containers", "", controlRisk, []string{"2375/tcp", "2376/tcp"}, []string{"dockerd"}},
	{"Kubernetes", "runs containers", "cluster", controlRisk, []string{"6443/tcp", "10250/tcp", "10255/tcp", "10257/tcp", "10259/tcp"},
		[]string{"kubelet", "kube-apiserver", "kube-proxy", "k3s", "k3s-server"}},
	{"etcd", "keeps the state of a cluster", "cluster", controlRisk, []string{"2379/tcp", "2380/tcp"}, []string{"etcd"}},
	{"Consul", "knows the services of a cluster", "cluster", controlRisk, []string{"8500/tcp", "8301/tcp", "8301/udp"}, []string{"consul"}},
	{"ZooKeeper", "keeps the state of a cluster", "cluster", controlRisk, []string{"2181/tcp"}, []string{"zookeeper"}},
	{"A notebook (Jupyter)", "runs what is typed into it", "", controlRisk, []string{"8888/tcp"}, []string{"jupyter-lab", "jupyter-notebook", "jupyter"}},
	{"A debugger", "lets whoever connects run code", "", controlRisk, []string{"9229/tcp", "5005/tcp", "5678/tcp"}, []string{"gdbserver", "debugpy"}},
	{"Webmin or Cockpit", "manages the machine in a browser", "managing the machine", adminRisk, []string{"10000/tcp", "9090/tcp"}, []string{"cockpit-ws", "cockpit-tls", "cockpit", "miniserv.pl"}},
	{"A desktop from afar (VNC, RDP, X11)", "shows this machine's screen", "", controlRisk, []string{"5900/tcp", "5901/tcp", "3389/tcp", "6000/tcp"}, []string{"xvnc", "x11vnc", "xrdp", "xorg", "vino-server"}},

	{"Telnet", "is an old way to log in", "", plainRisk, []string{"23/tcp"}, []string{"in.telnetd", "telnetd"}},
	{"FTP", "is an old way to copy files", "", plainRisk, []string{"21/tcp"}, []string{"vsftpd", "proftpd", "pure-ftpd"}},
	{"rsh, rlogin or rexec", "are old ways to log in", "", plainRisk, []string{"512/tcp", "513/tcp", "514/tcp"}, []string{"in.rshd", "in.rlogind"}},
	{"TFTP", "hands out files to anybody", "", shareRisk, []string{"69/udp"}, []string{"in.tftpd", "tftpd", "atftpd"}},
	{"rsync", "copies files", "copies of our files", shareRisk, []string{"873/tcp"}, []string{"rsync"}},
	{"A file share (Samba)", "shares files with Windows machines", "file share", shareRisk, []string{"139/tcp", "445/tcp", "137/udp", "138/udp"}, []string{"smbd", "nmbd", "samba"}},
	{"A file share (NFS)", "shares files with other machines", "file share", shareRisk, []string{"2049/tcp", "20048/tcp", "20048/udp"}, []string{"rpc.nfsd", "nfs-server", "rpc.mountd", "rpc.statd"}},
	{"rpcbind", "says where NFS and its like listen", "for the file share (NFS)",
		"it is there for NFS only, and is misused to flood others: remove rpcbind where there is no NFS", []string{"111/tcp", "111/udp"}, []string{"rpcbind"}},
	{"SNMP", "tells monitoring about this machine", "monitoring", adminRisk, []string{"161/udp"}, []string{"snmpd"}},
	{"A proxy", "fetches pages for others", "proxy of our people", "whoever reaches it can use it to hide: let the firewall allow only those who need it", []string{"3128/tcp", "1080/tcp"}, []string{"squid", "privoxy", "danted"}},

	{"A monitoring agent", "tells monitoring about this machine", "monitoring", adminRisk, []string{"9100/tcp", "9104/tcp", "9115/tcp", "9187/tcp", "10050/tcp", "5666/tcp", "6556/tcp", "4949/tcp", "19999/tcp"},
		[]string{"node_exporter", "prometheus-node-exporter", "prometheus node exporter", "zabbix_agentd", "zabbix_agent2", "nrpe", "munin-node", "check-mk-agent", "netdata", "telegraf"}},
	{"Prometheus", "keeps measurements", "monitoring", adminRisk, []string{"9093/tcp", "9094/tcp"}, []string{"prometheus", "alertmanager", "prometheus-alertmanager"}},
	{"Grafana", "shows measurements", "charts", "", []string{"3000/tcp"}, []string{"grafana", "grafana-server"}},
	{"Kibana", "shows what Elasticsearch has", "charts", adminRisk, []string{"5601/tcp"}, []string{"kibana"}},
	{"A log collector", "takes other machines' logs", "logs of our machines", adminRisk, []string{"514/udp", "6514/tcp", "5044/tcp", "24224/tcp"}, []string{"rsyslogd", "syslog-ng", "fluentd", "logstash", "vector"}},

	{"WireGuard", "is a private network (VPN)", "VPN", "", []string{"51820/udp"}, []string{"wireguard", "wg"}},
	{"OpenVPN", "is a private network (VPN)", "VPN", "", []string{"1194/udp", "1194/tcp"}, []string{"openvpn"}},
	{"IPsec", "is a private network (VPN)", "VPN", "", []string{"500/udp", "4500/udp"}, []string{"charon", "charon-systemd", "pluto", "strongswan"}},
	{"Tailscale", "is a private network (VPN)", "VPN", "", []string{"41641/udp"}, []string{"tailscaled"}},
	{"A video call server", "lets people find a way through firewalls (STUN, TURN)", "video calls", "", []string{"3478/udp", "3478/tcp", "5349/tcp"}, []string{"turnserver", "coturn"}},
	{"A chat server (XMPP, Matrix)", "passes messages between people", "chat", "", []string{"5222/tcp", "5269/tcp", "8448/tcp"}, []string{"prosody", "ejabberd", "synapse"}},
	{"Syncthing", "copies files between machines", "copies of our files", "", []string{"22000/tcp", "22000/udp", "21027/udp"}, []string{"syncthing"}},
	{"A media server", "plays music and films", "music and films", "", []string{"32400/tcp", "8096/tcp"}, []string{"plexmediaserver", "jellyfin"}},
	{"Git", "hands out source code", "source code", "", []string{"9418/tcp"}, []string{"git-daemon", "gitea", "forgejo"}},
	{"Minecraft", "is a game", "game", "", []string{"25565/tcp"}, nil},
}

// Programs that are known by what they pass on, or run: the port may tell what
// that is. A port that is passed on is usually what it seems; a program of any kind at a
// port that another one usually has is not.
var (
	forwarders = []string{"docker-proxy", "rootlessport", "conmon", "slirp4netns", "pasta", "systemd", "init", "xinetd", "inetd"}
	runners    = []string{"java", "node", "nodejs", "python", "python3", "perl", "php", "php-fpm", "ruby", "dotnet", "socat"}
)

// guess is what a door may be, as far as the table tells.
type guess struct {
	usual
	// sure tells that the program, or what answers, is one that usually does this;
	// else the port alone says so.
	sure bool
	// odd tells that another program is there than those that usually are.
	odd bool
	// plain tells that nothing speaks against what the port says.
	plain bool
}

// guessOf looks a door up by its program, then by what answers, then by its port;
// false where none of them is in the table.
func guessOf(d portvigil.Door, s *portvigil.Service, p *portvigil.Process) (guess, bool) {
	names := namesOf(s, p)
	best, score := usual{}, 0
	for _, u := range usuals {
		n := 0
		if slices.ContainsFunc(names, func(name string) bool { return slices.Contains(u.by, name) }) {
			n += 2
		}
		if slices.Contains(u.doors, d.String()) {
			n++
		}
		if n > score {
			best, score = u, n
		}
	}
	g := guess{usual: best, sure: score >= 2}
	if p == nil || slices.Contains(forwarders, baseOf(p.Exe)) {
		g.plain = true
	} else if !slices.Contains(runners, baseOf(p.Exe)) {
		g.odd = score == 1 && len(best.by) > 0
	}
	return g, score > 0
}

// opinion is what we think of an open door: it helps who has to say whether the
// door belongs there, and decides nothing.
type opinion struct {
	Is    string // what it usually is, a sentence
	Risk  string // why it should not be as open as it is, a sentence; "" for nothing known
	Why   string // the reason that is suggested for the baseline; "" for none
	Usual bool   // many machines have it, and nothing speaks against it
	known bool   // it is in the table
}

// opinionOf goes by what a door is and by how far it reaches: exposed tells that it
// is open from outside. No reason is suggested for what we do not know, nor for a
// program that stands where another one is usual.
func opinionOf(d portvigil.Door, s *portvigil.Service, p *portvigil.Process, scope portvigil.Scope, exposed bool) opinion {
	g, known := guessOf(d, s, p)
	if !known {
		return opinion{Is: "Not one that we know. Find out what it is before you say that it belongs here."}
	}
	o := opinion{Is: g.sentence(d), Why: g.why, known: true}
	if g.risk != "" && (exposed || scope.Rank() >= portvigil.ScopePublic.Rank()) {
		o.Risk = begun(g.risk) + "."
	}
	o.Usual = (g.sure || g.plain) && o.Risk == "" && o.Why != ""
	if g.odd {
		o.Why = ""
	}
	return o
}

// namesOf are the names by which the table may know what is behind a door: of the
// program, its unit and its package, and of what answers.
func namesOf(s *portvigil.Service, p *portvigil.Process) (names []string) {
	if p != nil {
		if exe := baseOf(p.Exe); !slices.Contains(forwarders, exe) && !slices.Contains(runners, exe) {
			names = append(names, exe)
			if p.Package != nil {
				names = append(names, strings.ToLower(cut(p.Package.Name)), strings.ToLower(cut(p.Package.Source)))
			}
		}
		unit, _, _ := strings.Cut(strings.ToLower(cut(p.Unit)), ".")
		unit, _, _ = strings.Cut(unit, "@")
		names = append(names, unit)
	}
	if s != nil {
		names = append(names, strings.ToLower(cut(s.Product)))
	}
	return slices.DeleteFunc(names, func(n string) bool { return n == "" })
}

// baseOf is the name of a program, in lower case and without a version behind it.
func baseOf(exe string) string {
	base := strings.ToLower(path.Base(cut(exe)))
	if rest := strings.TrimRight(base, "0123456789."); strings.HasPrefix(rest, "python") || strings.HasPrefix(rest, "php-fpm") {
		return rest
	}
	return base
}

// sentence says what the door usually is.
func (g guess) sentence(d portvigil.Door) string {
	switch {
	case g.sure:
		return g.name + " " + g.is + "."
	case g.odd:
		return "On " + d.String() + " one finds " + lowerFirst(g.name) + "; the program here is another one."
	}
	return g.name + ", usually: it " + g.is + "."
}

// lowerFirst begins a name in the middle of a sentence: "A web server" is "a web server".
func lowerFirst(name string) string {
	for _, article := range []string{"A ", "An ", "The "} {
		if strings.HasPrefix(name, article) {
			return strings.ToLower(article) + strings.TrimPrefix(name, article)
		}
	}
	return name
}
