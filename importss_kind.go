package portvigil

import (
	"bytes"
	"strings"
)

// ImportKind is a form in which open doors can be handed over.
type ImportKind string

// The forms.
const (
	ImportIsSS       ImportKind = "ss"
	ImportIsNmap     ImportKind = "nmap"
	ImportIsBaseline ImportKind = "baseline"
)

// DetectImport recognises a form by its content, going by the first lines that
// are telling; "" is none of them. It does not say that the text is whole.
func DetectImport(text []byte) ImportKind {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff")))
	head := text[:min(len(text), 64<<10)]
	if bytes.HasPrefix(head, []byte("<")) {
		if bytes.Contains(head, []byte("<nmaprun")) {
			return ImportIsNmap
		}
		return ""
	}
	for line := range strings.Lines(string(head)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "---" || strings.HasPrefix(fields[0], "#") {
			continue
		}
		key, _, isPair := strings.Cut(strings.Trim(fields[0], `{"'`), ":")
		switch key = strings.Trim(key, `"'`); {
		case isPair && (key == "version" || key == "host" || key == "group" || key == "groups" || key == "entries" || key == "allow"):
			return ImportIsBaseline
		case isListingHeader(fields):
			return ImportIsSS
		}
		if _, is, err := parseSocketLine(strings.TrimRight(line, "\r\n"), false); is && err == nil {
			return ImportIsSS
		}
	}
	return ""
}
