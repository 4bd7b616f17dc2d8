package portvigil

// ImportKind is a form in which open doors can be handed over.
type ImportKind string

// The forms.
const (
	ImportIsSS       ImportKind = "ss"
	ImportIsNmap     ImportKind = "nmap"
	ImportIsBaseline ImportKind = "baseline"
)

// DetectImport recognises a form by its content; "" is none of them.
func DetectImport(text []byte) ImportKind { return "" }
