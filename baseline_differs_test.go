package portvigil

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPinComparesAValue(t *testing.T) {
	pinned := func(p Pin) Entry { return Entry{Pin: p} }
	for _, c := range []struct {
		name  string
		entry Entry
		seen  Seen
		want  []Difference
	}{
		{"that is seen to be the same", pinned(Pin{Product: "nginx", Exe: "/x"}), Seen{Product: "nginx", Exes: []string{"/x"}}, nil},
		{"and another product differs", pinned(Pin{Product: "nginx"}), Seen{Product: "Apache httpd"}, []Difference{{"product", "nginx", "Apache httpd"}}},
		{"of a product in any case", pinned(Pin{Product: "Nginx"}), Seen{Product: "nginx"}, nil},
		{"and another version differs", pinned(Pin{Version: "1.24"}), Seen{Version: "1.25"}, []Difference{{"version", "1.24", "1.25"}}},
		{"and another user differs", pinned(Pin{User: "www"}), Seen{Users: []string{"root"}}, []Difference{{"user", "www", "root"}}},
		{"and another host key differs", pinned(Pin{HostKey: "SHA256:a"}), Seen{HostKey: "SHA256:b"}, []Difference{{"hostkey", "SHA256:a", "SHA256:b"}}},
		{"of a certificate as any tool writes it", pinned(Pin{Certificate: "AB:cd"}), Seen{Certificate: "abcd"}, nil},
		{"and another certificate differs", pinned(Pin{Certificate: "ab"}), Seen{Certificate: "cd"}, []Difference{{"certificate", "ab", "cd"}}},
		{"for all owners of the door", pinned(Pin{Exe: "/x"}), Seen{Exes: []string{"/x", "/y", "/z"}}, []Difference{{"exe", "/x", "/y"}, {"exe", "/x", "/z"}}},
		{"and something unknown never differs", pinned(Pin{"a", "b", "c", "d", "e", "f", nil}), Seen{}, nil},
		{"and one without a value pins nothing", pinned(Pin{Empty: []string{"exe"}}), Seen{Exes: []string{"/y"}}, nil},
		{"beside a scope that is checked where it is written", Entry{Scope: ScopePrivate}, Seen{Scope: ScopeAny}, []Difference{{"scope", "private", "any"}}},
		{"beside a scope that is not written and not checked", Entry{}, Seen{Scope: ScopeAny}, nil},
		{"beside a narrower scope, which is no change", Entry{Scope: ScopeAny}, Seen{Scope: ScopeLoopback}, nil},
		{"beside an unknown scope, which never differs", Entry{Scope: ScopeLoopback}, Seen{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, c.entry.Differs(c.seen)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangedOnlyIfNoCoveringEntryAgrees(t *testing.T) {
	nginx, apache := Entry{Pin: Pin{Product: "nginx"}}, Entry{Pin: Pin{Product: "Apache httpd"}}
	seen := Seen{Product: "caddy"}
	if diff := cmp.Diff([]Difference{{"product", "nginx", "caddy"}}, Judge([]Entry{nginx, apache}, seen)); diff != "" {
		t.Errorf("the most specific is not the one told (-want +got):\n%s", diff)
	}
	if d := Judge([]Entry{nginx, apache, {}}, seen); d != nil {
		t.Errorf("one agrees, and yet it differs: %v", d)
	}
	if d := Judge(nil, seen); d != nil {
		t.Errorf("nothing covers it, and yet it differs: %v", d)
	}
}

func TestSeenGathersAllOwnersButTheOneThatKeepsSockets(t *testing.T) {
	systemd := Process{PID: 1, Exe: "/usr/lib/systemd/systemd", User: "root"}
	sshd := Process{PID: 9, Exe: "/usr/sbin/sshd", User: "sshd"}
	wild, local := listenerOn("::", 22), listenerOn("127.0.0.1", 22)
	wild.Process, wild.Others = &sshd, []Process{systemd, {PID: 10, Exe: "/x", User: "sshd"}}
	local.Process = &systemd
	got := SeenOf([]Listener{local, wild}, &Service{Product: "OpenSSH", HostKey: "k", Certificate: &Certificate{SHA256: "c"}})
	want := Seen{Product: "OpenSSH", HostKey: "k", Certificate: "c", Scope: ScopeAny,
		Exes: []string{"/usr/lib/systemd/systemd", "/usr/sbin/sshd", "/x"}, Users: []string{"root", "sshd"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := SeenOf([]Listener{wild}, nil).Exes; cmp.Diff([]string{"/usr/sbin/sshd", "/x"}, got) != "" {
		t.Errorf("pid 1 counts beside another owner: %v", got)
	}
}
