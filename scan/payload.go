package scan

// payload is what a service is asked over UDP, so that it answers: each is written from
// the protocol's own specification, changes nothing, and asks for a short answer.
type payload struct {
	name  string // of the protocol, as Service.Name has it; "": none
	ports []uint16
	// ask is the question of a try, from 1 on, with the token where the protocol sends
	// something back; nil: an empty datagram.
	ask func(t token, try int) string
	// hears tells what an answer shows of its sender, whatever bytes it has; nil: nothing.
	hears func(reply []byte, t token) echo
	// wanders tells that the answer comes from another port than was asked.
	wanders bool
}

// mostDatagram is how much of an answer is read, in bytes.
const mostDatagram = 2048

// payloadTo is what a port is asked.
func payloadTo(port uint16) *payload {
	if i, known := payloadOf[port]; known {
		return &payloads[i]
	}
	return &anyPayload
}

// anyPayload says who asks. Some services answer whatever they get, and a closed port's
// error quotes the token.
var anyPayload = payload{ask: askAnything, hears: func(r []byte, t token) echo {
	if containsHex(r, t, 8) {
		return echoProves
	}
	return echoNone
}}

func askAnything(t token, _ int) string { return "portvigil " + t.hex(8) }

var payloadOf = func() map[uint16]int {
	m := map[uint16]int{}
	for i, p := range payloads {
		for _, port := range p.ports {
			m[port] = i
		}
	}
	return m
}()
