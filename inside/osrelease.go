package inside

import "strings"

// distribution is what os-release(5) says of a root: which distribution it is,
// and which release of it.
type distribution struct{ id, release string }

// parseOSRelease reads ID, and VERSION_CODENAME or else VERSION_ID. A later line
// wins over an earlier one, as it does for a shell.
func parseOSRelease(content string) distribution {
	values := map[string]string{}
	for line := range strings.Lines(content) {
		name, value, found := strings.Cut(strings.TrimSpace(line), "=")
		if found {
			values[name] = unquote(value)
		}
	}
	d := distribution{id: text(values["ID"]), release: text(values["VERSION_CODENAME"])}
	if d.release == "" {
		d.release = text(values["VERSION_ID"])
	}
	if d.id == "" && len(values) > 0 {
		d.id = "linux" // the default that os-release(5) gives
	}
	return d
}

// unquote takes a shell's quotes and backslashes off one word.
func unquote(word string) string {
	if len(word) < 2 || word[0] != '"' && word[0] != '\'' || word[len(word)-1] != word[0] {
		return word
	}
	quote, inner := word[0], word[1:len(word)-1]
	if quote == '\'' {
		return inner
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) && strings.IndexByte("\"\\$`", inner[i+1]) >= 0 {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}
