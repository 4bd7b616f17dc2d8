package web

import "strings"

// In what a browser says of itself, later ones name the earlier ones as well: the
// first that is found is meant.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"Vivaldi/", "Vivaldi"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
		{"curl/", "curl"}, {"Wget/", "Wget"}}
	systems = [][2]string{{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"}, {"CrOS", "ChromeOS"},
		{"Mac OS X", "macOS"}, {"OpenBSD", "OpenBSD"}, {"FreeBSD", "FreeBSD"}, {"Linux", "Linux"}}
)

// longestAgent bounds what is looked at; browsers say less than half of it.
const longestAgent = 512

// browserOf is a short name for what a request's User-Agent says. It is made of
// words of ours: whatever was sent, nothing of it is kept.
func browserOf(agent string) string {
	agent = agent[:min(len(agent), longestAgent)]
	name, on := "a browser", ""
	for _, b := range browsers {
		if strings.Contains(agent, b[0]) {
			name = b[1]
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(agent, s[0]) {
			on = " on " + s[1]
			break
		}
	}
	return name + on
}
