package portvigil

// FormatDocument writes a whole document as a person would.
func FormatDocument(d Document) []byte { return nil }

// FormatEntry writes one entry as it would stand in a document's list.
func FormatEntry(e Entry) string { return "" }
