package portvigil

import "io"

// ImportNmapXML reads nmap's XML as outside looks.
func ImportNmapXML(r io.Reader) ([]Look, error) { return nil, nil }
