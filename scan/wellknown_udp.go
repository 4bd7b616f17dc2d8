package scan

// wellKnownUDP lists where services are found over UDP, what matters most first. A
// server's regular looks ask all of them (RULES section 1), so each protocol that is
// asked in its own words (payload.go) is in it. Numbers are those of IANA's registry or
// of the products' own documentation.
var wellKnownUDP = [...]uint16{
	// names, time, management: what answers anybody, and is misused to flood others
	53, 123, 161, 111, 1900, 11211, 389, 137, 69, 19,
	// files, sign-in and Windows
	2049, 20048, 138, 88, 464, 1434, 135, 445, 3389, 3391, 3702,
	// private networks
	500, 4500, 1194, 51820, 1701, 41641,
	// the web over QUIC, and what is encrypted over UDP
	443, 8443, 784, 853, 4433, 5684,
	// finding each other
	5353, 5355, 427, 177, 5351, 32414, 6881, 21027, 22000,
	// voice and pictures
	5060, 3478, 3479, 5349, 19302, 2427, 4569, 5004, 64738, 9987,
	// logs and measurements
	514, 162, 8125, 2055, 6343, 12201, 4739, 24224,
	// addresses, routes, sign-in at the network
	67, 547, 520, 1812, 1813, 1645, 3784,
	// clusters and what lies between them
	4789, 8472, 6081, 7946, 8301, 8600,
	// management boards, printers, remote screens, older remote control
	623, 631, 5632, 1604, 3283, 10001, 30718, 10000,
	// devices, telephone networks, industry
	5683, 5246, 2123, 2152, 44818, 47808, 34964,
	// games
	27015, 27016, 27960, 19132, 25565, 7777, 34197,
	// old services that should be gone
	7, 13, 17, 37, 9,
}
