package portvigil

import "time"

// Service is what answers behind an open endpoint, as far as its own bytes
// show it. A field is empty where nothing showed it; nothing is guessed.
type Service struct {
	Name    string   `json:"name,omitempty"`    // the protocol: ssh, http, smtp, ftp, mysql, redis
	Product string   `json:"product,omitempty"` // as its makers write it: OpenSSH, nginx
	Version string   `json:"version,omitempty"` // as it says it of itself: 9.2p1
	CPE     []string `json:"cpe,omitempty"`     // CPE 2.3 formatted strings
	Package *Package `json:"package,omitempty"` // where the banner tells the distribution's package
	TLS     bool     `json:"tls"`
	// Certificate is the leaf that was shown, nil without TLS.
	Certificate *Certificate `json:"certificate,omitempty"`
	// HostKey is the SHA-256 fingerprint of the key that the service proved, as
	// OpenSSH writes it (SHA256:…); "" where it has none or none was asked for.
	HostKey string `json:"hostkey,omitempty"`
	Title   string `json:"title,omitempty"` // of the HTML page at /
	// Banner is the first bytes that it sent, at most 2 KiB, exactly as they
	// came: hostile until escaped.
	Banner []byte `json:"banner,omitempty"`
	// Confidence is 0 to 100: how surely product and version are what they say.
	Confidence int `json:"confidence"`
	// Connected tells that a connection was completed (TCP handshake, or a UDP
	// answer): without it nobody is told of an open port.
	Connected bool `json:"connected,omitempty"`
}

// Label is the shortest name for people: "OpenSSH 9.2p1", "http", "unknown service".
func (s *Service) Label() string {
	switch {
	case s == nil || s.Product == "" && s.Name == "":
		return "unknown service"
	case s.Product == "":
		return s.Name
	case s.Version == "":
		return s.Product
	}
	return s.Product + " " + s.Version
}

// Certificate is what a TLS server showed of itself, unverified.
type Certificate struct {
	SHA256     string    `json:"sha256"` // lower-case hex over the DER bytes
	Subject    string    `json:"subject,omitempty"`
	Issuer     string    `json:"issuer,omitempty"`
	Names      []string  `json:"names,omitempty"` // DNS names and addresses
	NotBefore  time.Time `json:"not_before"`
	NotAfter   time.Time `json:"not_after"`
	SelfSigned bool      `json:"self_signed,omitempty"`
}

// Package is a distribution's package.
type Package struct {
	Distro  string `json:"distro,omitempty"`  // debian, ubuntu, fedora, alpine … (os-release's ID)
	Release string `json:"release,omitempty"` // code name or version: bookworm, 40
	Name    string `json:"name"`
	Source  string `json:"source,omitempty"`
	Version string `json:"version"`
}
