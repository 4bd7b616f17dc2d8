package detect

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// maxMetrics is how much of /metrics is read. Metrics come sorted by name; node
// exporter's own stands after those of the processors and disks, some 30 KiB in
// on a small machine.
const maxMetrics = 256 << 10

// exporterPage reads the page at / of an exporter, made by the exporter toolkit
// or by hand: its title names it, and it links to /metrics. The toolkit (0.8 and
// later) also prints its version:
//
//	<title>Node Exporter</title> …
//	<div>Version: (version=1.5.0, branch=debian/sid, revision=1.5.0-1+b6)</div>
func exporterPage(p page, r *reading) bool {
	name, ok := exporterTitle(r.service.Title)
	if !ok || !bytes.Contains(p.body, []byte("/metrics")) {
		return false
	}
	r.rule = "prometheus: title of an exporter's page"
	r.service.Product, r.service.Version, r.service.CPE = name, "", nil
	r.service.Confidence = sureByWording
	if m := exporterVersion.FindSubmatch(p.body); m != nil {
		r.rule = "prometheus: version on an exporter's page"
		r.service.Version, r.service.Confidence = version(string(m[1])), sureByStructure
		r.service.Package = exporterPackage(name, string(m[1]), string(m[2]), string(m[3]))
	}
	return true
}

var exporterVersion = regexp.MustCompile(`Version: \(version=([0-9A-Za-z.+~_-]+), branch=([^,<]*), revision=([^,)<]*)`)

// exporterTitle returns the product for a title such as "Node Exporter".
func exporterTitle(title string) (string, bool) {
	name, ok := strings.CutSuffix(strings.ToLower(title), " exporter")
	name = strings.TrimPrefix(name, "prometheus ")
	if !ok || len(name) > maxExporter || !exporterName.MatchString(name) {
		return "", false
	}
	return "Prometheus " + name + " exporter", true
}

// maxExporter leaves room for the words around it in a product.
const maxExporter = 40

var exporterName = regexp.MustCompile(`^[a-z0-9]+(?:[ _-][a-z0-9]+){0,3}$`)

// exporterPackage returns Debian's package, whose build puts its version where
// others put the commit. 1.5.0-1+b6 is the sixth rebuild of 1.5.0-1.
func exporterPackage(name, number, branch, revision string) *portvigil.Package {
	if !strings.HasPrefix(branch, "debian/") || !strings.HasPrefix(revision, number+"-") || version(revision) == "" {
		return nil
	}
	source := strings.ReplaceAll(strings.ToLower(name), " ", "-")
	return &portvigil.Package{Distro: "debian", Release: debianRelease(revision), Name: source, Source: source, Version: revision}
}

// offersMetrics reports whether the page at / leads to metrics that may say more
// than the page did: a link to them, the way into Prometheus's own pages, or
// the bare 404 of a Go server without a page.
func offersMetrics(p page) bool {
	switch {
	case p.status >= 300 && p.status < 400:
		return slices.Contains([]string{"/graph", "/query", "/classic/graph", "/metrics"}, p.header["location"])
	case p.status == 404:
		return bytes.HasPrefix(p.body, []byte("404 page not found")) && p.header["server"] == ""
	}
	return bytes.Contains(p.body, []byte(`"/metrics"`)) || bytes.Contains(p.body, []byte(`'/metrics'`)) ||
		bytes.Contains(p.body, []byte(`"metrics"`)) && bytes.Contains(bytes.ToLower(p.body), []byte("exporter"))
}

// buildInfo is the metric in which programs of the Prometheus family tell their
// version: node_exporter_build_info{branch="…",…,version="1.5.0"} 1.
var buildInfo = regexp.MustCompile(`(?m)^([a-z][a-z0-9_]*)_build_info\{([^}\n]*)\} 1`)

var buildLabel = regexp.MustCompile(`\b(version|branch|revision)="([^"\\]*)"`)

// builtPrograms are the programs that are no exporter, by the metric's name.
var builtPrograms = map[string]struct {
	product string
	makers  []maker
}{
	"prometheus":   {"Prometheus", []maker{{"prometheus", "prometheus"}}},
	"alertmanager": {"Prometheus Alertmanager", []maker{{"prometheus", "alertmanager"}}},
	"pushgateway":  {"Prometheus Pushgateway", nil},
	"grafana":      {"Grafana", []maker{{"grafana", "grafana"}}},
}

// readMetrics fills product and version from the first build_info that names a
// program. Others, of the Go runtime or of libraries, say nothing about it.
func readMetrics(b []byte, s *portvigil.Service) bool {
	p, ok := parsePage(b)
	if !ok || p.status != 200 {
		return false
	}
	for _, m := range buildInfo.FindAllSubmatch(p.body, 20) {
		program, labels := string(m[1]), make(map[string]string)
		for _, l := range buildLabel.FindAllSubmatch(m[2], 10) {
			labels[string(l[1])] = string(l[2])
		}
		number := version(strings.TrimPrefix(labels["version"], "v"))
		name, exporter := strings.CutSuffix(program, "_exporter")
		known, listed := builtPrograms[program]
		switch {
		case exporter && len(name) <= maxExporter && exporterName.MatchString(name):
			s.Product = "Prometheus " + strings.ReplaceAll(name, "_", " ") + " exporter"
			s.Package = exporterPackage(s.Product, number, labels["branch"], labels["revision"])
		case listed:
			s.Product, s.Package = known.product, nil
		default:
			continue
		}
		s.Version, s.Confidence, s.CPE = number, sureByStructure, cpes(number, "", known.makers...)
		return true
	}
	return false
}

// untilBuildInfo returns a function that knows when nothing more of /metrics is
// needed. Only the line that came last is looked at again.
func untilBuildInfo() func([]byte) bool {
	whole, seen := wholeHTTP(), 0
	return func(b []byte) bool {
		from := max(0, bytes.LastIndexByte(b[:seen], '\n'))
		seen = len(b)
		for _, m := range buildInfo.FindAllSubmatch(b[from:], 5) {
			name := string(m[1])
			if _, listed := builtPrograms[name]; listed || strings.HasSuffix(name, "_exporter") {
				return true
			}
		}
		return whole(b)
	}
}
