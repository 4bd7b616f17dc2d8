package detect

import (
	"regexp"
	"strings"
)

// webServer is how a product names itself in the Server header.
type webServer struct {
	token, product string
	makers         []maker
}

// webServers are the products whose own spelling differs from their makers', or
// that the CPE dictionary knows; the others speak for themselves.
var webServers = []webServer{
	{"nginx", "nginx", []maker{{"f5", "nginx"}, {"nginx", "nginx"}}},
	{"Apache", "Apache httpd", []maker{{"apache", "http_server"}}},
	{"lighttpd", "lighttpd", []maker{{"lighttpd", "lighttpd"}}},
	{"Caddy", "Caddy", []maker{{"caddyserver", "caddy"}}},
	{"openresty", "OpenResty", []maker{{"openresty", "openresty"}}},
	{"Microsoft-IIS", "Microsoft IIS", []maker{{"microsoft", "internet_information_services"}}},
	{"Jetty", "Jetty", []maker{{"eclipse", "jetty"}}},
	{"Apache-Coyote", "Apache Tomcat", []maker{{"apache", "tomcat"}}},
	{"gunicorn", "Gunicorn", []maker{{"gunicorn", "gunicorn"}}},
	{"Werkzeug", "Werkzeug", []maker{{"palletsprojects", "werkzeug"}}},
	{"CherryPy", "CherryPy", []maker{{"cherrypy", "cherrypy"}}},
	{"TornadoServer", "Tornado", []maker{{"tornadoweb", "tornado"}}},
	{"squid", "Squid", []maker{{"squid-cache", "squid"}}},
	{"CUPS", "CUPS", []maker{{"openprinting", "cups"}}},
	{"Icecast", "Icecast", []maker{{"xiph", "icecast"}}},
	{"MiniServ", "Webmin", []maker{{"webmin", "webmin"}}},
	{"Cowboy", "Cowboy", nil},
	{"uvicorn", "Uvicorn", nil},
	{"waitress", "Waitress", nil},
}

// serverToken splits the first product of a Server header (RFC 9110 section
// 10.2.4): name/version, or Jetty's name(version).
var serverToken = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._ -]{0,60}?)(?:[/(]v?([0-9][^\s/()]{0,60})\)?)?(?:$|[\s/(;,])`)

// serverHeader reads who serves, from the Server header.
func serverHeader(value string, r *reading) {
	m := serverToken.FindStringSubmatch(value)
	if m == nil {
		return
	}
	s := &r.service
	for _, known := range webServers {
		if !strings.EqualFold(known.token, m[1]) {
			continue
		}
		r.rule = "http: Server header " + known.token
		s.Product, s.Version, s.Confidence = known.product, version(m[2]), sureByBanner
		if known.token == "Apache-Coyote" {
			s.Version = "" // the connector's own
		}
		s.CPE = cpes(s.Version, "", known.makers...)
		return
	}
	if s.Product = product(m[1]); s.Product != "" {
		r.rule, s.Version, s.Confidence = "http: Server header", version(m[2]), sureByOwnWords
	}
}

// webApplication is recognised by the title of its page at /.
type webApplication struct {
	product string
	title   *regexp.Regexp // its first group, where there is one, is the version
	makers  []maker
}

// webApplications tell themselves by their titles. An application is what a
// person needs to know of a door; the server in front of it is in the banner.
var webApplications = []webApplication{
	{"Prometheus", regexp.MustCompile(`^Prometheus Time Series Collection and Processing Server$`), []maker{{"prometheus", "prometheus"}}},
	{"Prometheus Pushgateway", regexp.MustCompile(`^Prometheus Pushgateway$`), nil},
	{"Prometheus Alertmanager", regexp.MustCompile(`^Alertmanager$`), []maker{{"prometheus", "alertmanager"}}},
	{"Grafana", regexp.MustCompile(`^Grafana$`), []maker{{"grafana", "grafana"}}},
	{"Apache Tomcat", regexp.MustCompile(`^Apache Tomcat/(\d[0-9.]*)(?: - Error report)?$`), []maker{{"apache", "tomcat"}}},
}

// application reads what is served: by an exporter's page, or by the title.
func application(p page, r *reading) {
	if exporterPage(p, r) {
		return
	}
	for _, known := range webApplications {
		m := known.title.FindStringSubmatch(r.service.Title)
		if m == nil {
			continue
		}
		number := ""
		if len(m) > 1 {
			number = version(m[1])
		}
		r.rule = "http: title of " + known.product
		r.service.Product, r.service.Version, r.service.Confidence = known.product, number, sureByBanner
		r.service.CPE = cpes(number, "", known.makers...)
		return
	}
}
