package web

import "slices"

// section is one entry of the bar above every page.
type section struct {
	Title, Path string
	Key         string   // after g, which leads there
	words       []string // the first words of the paths that belong to it
}

// Holds reports whether a page belongs to the section, by the first word of its path.
func (s section) Holds(word string) bool { return slices.Contains(s.words, word) }

// settingsPages are the pages of the section that has the settings, in their order.
func settingsPages() []section {
	return []section{
		{Title: "All", Path: "/settings", words: []string{"settings"}},
		{Title: "Your account", Path: "/account", words: []string{"account"}},
		{Title: "Users", Path: "/users", words: []string{"users"}},
		{Title: "Tokens", Path: "/tokens", words: []string{"tokens"}},
		{Title: "Audit", Path: "/audit", words: []string{"audit"}},
		{Title: "About", Path: "/about", words: []string{"about"}},
	}
}

// sections are the bar above every page, in its order.
func sections() []section {
	return []section{
		{"Overview", "/", "o", []string{"", "start"}},
		{"Alerts", "/alerts", "a", []string{"alerts"}},
		{"Hosts", "/hosts", "h", []string{"hosts", "scope"}},
		{"Baseline", "/baseline", "b", []string{"baseline", "review"}},
		{"Channels", "/channels", "c", []string{"channels"}},
		{"Settings", "/settings", "s", []string{"settings", "users", "tokens", "account", "audit", "about", "docs"}},
	}
}
