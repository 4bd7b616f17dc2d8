package portvigil

import (
	"strings"
	"testing"
)

// Whatever stands in a file, what is read of it are hosts that can be added.
func FuzzReadHosts(f *testing.F) {
	f.Add("name,address,group\nweb1,10.1.2.3; web1.example.org,web\n")
	f.Add("\ufeffName;Address\n")
	f.Add("name,address\n\"a\nb\",1\n")
	f.Fuzz(func(t *testing.T, text string) {
		hosts, err := ReadHosts("hosts.csv", strings.NewReader(text))
		if err != nil {
			if hosts != nil || ErrorCode(err) != CodeInvalid || !strings.HasPrefix(err.Error(), "hosts.csv") {
				t.Errorf("%d hosts and %v", len(hosts), err)
			}
			return
		}
		names := map[string]bool{}
		for _, h := range hosts {
			if names[h.Name] || CheckHostName(h.Name) != nil || len(h.Targets) == 0 {
				t.Errorf("read %+v", h)
			}
			names[h.Name] = true
		}
	})
}
