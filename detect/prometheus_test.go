package detect

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/portvigil/portvigil"
)

const (
	ok        = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
	oldNode   = ok + "<html>\n<head><title>Node Exporter</title></head>\n<body>\n<h1>Node Exporter</h1>\n<p><a href=\"/metrics\">Metrics</a></p>\n</body>\n</html>"
	nodeOf150 = ok + "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>Node Exporter</title>\n</head><body><main><h2>Prometheus Node Exporter</h2>\n" +
		"<div>Version: (version=1.5.0, branch=debian/sid, revision=1.5.0-1+b6)</div>\n<ul><li><a href=\"/metrics\">Metrics</a></li></ul></main></body></html>"
)

var nodePackage = &portvigil.Package{Distro: "debian", Name: "prometheus-node-exporter", Source: "prometheus-node-exporter", Version: "1.5.0-1+b6"}

func TestPrometheusPages(t *testing.T) {
	t.Parallel()
	toolkit := titled(web("Prometheus node exporter", "1.5.0", sureByStructure), "Node Exporter")
	toolkit.Package = nodePackage
	checkExamples(t, []example{
		{name: "node exporter's page tells its version", answer: nodeOf150, want: toolkit},
		{name: "an old node exporter's page tells its name", answer: oldNode, want: titled(web("Prometheus node exporter", "", sureByWording), "Node Exporter")},
		{name: "another exporter", answer: ok + "<title>Blackbox Exporter</title><a href=\"metrics\">Metrics</a><a href='/metrics'>",
			want: titled(web("Prometheus blackbox exporter", "", sureByWording), "Blackbox Exporter")},
		{name: "a page that exports something else is no exporter", answer: ok + "<title>Photo Exporter</title>", want: titled(web("", "", sureOfProtocol), "Photo Exporter")},
		{name: "Alertmanager by its title", answer: ok + "<title>Alertmanager</title>", want: titled(web("Prometheus Alertmanager", "", sureByBanner, maker{"prometheus", "alertmanager"}), "Alertmanager")},
		{name: "Grafana by its title", answer: ok + "<title>Grafana</title>", want: titled(web("Grafana", "", sureByBanner, maker{"grafana", "grafana"}), "Grafana")},
	})
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body string
		want       portvigil.Service
	}{
		{"node exporter", "# TYPE go_info gauge\ngo_info{version=\"go1.19.8\"} 1\n" +
			"node_exporter_build_info{branch=\"debian/sid\",goarch=\"amd64\",goversion=\"go1.19.8\",revision=\"1.5.0-1+b6\",version=\"1.5.0\"} 1\n",
			portvigil.Service{Product: "Prometheus node exporter", Version: "1.5.0", Package: nodePackage, Confidence: sureByStructure}},
		{"an exporter with two words", "postgres_fast_exporter_build_info{version=\"v0.15.0\"} 1\n",
			portvigil.Service{Product: "Prometheus postgres fast exporter", Version: "0.15.0", Confidence: sureByStructure}},
		{"Prometheus itself", "go_build_info{checksum=\"\",path=\"x\",version=\"(devel)\"} 1\nprometheus_build_info{version=\"2.42.0+ds\"} 1\n",
			portvigil.Service{Product: "Prometheus", Version: "2.42.0+ds", CPE: []string{`cpe:2.3:a:prometheus:prometheus:2.42.0\+ds:*:*:*:*:*:*:*`}, Confidence: sureByStructure}},
		{"the Go runtime's says nothing", "go_build_info{path=\"x\",version=\"1.0\"} 1\n", portvigil.Service{}},
		{"a hostile version is left out", "node_exporter_build_info{version=\"1\x1b[31m\"} 1\n",
			portvigil.Service{Product: "Prometheus node exporter", Confidence: sureByStructure}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got portvigil.Service
			readMetrics([]byte(ok+c.body), &got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("service (-want +got):\n%s", diff)
			}
		})
	}
}
