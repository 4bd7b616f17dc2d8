package scan

// distance is how far away those are who answer for one kind of port, in hops.
type distance struct {
	hops        uint8 // that the first took, and one more; 0: none is known
	same, other int   // answers from as far, and from elsewhere
}

func (d *distance) see(hops uint8) {
	switch {
	case hops == 0:
	case d.hops == 0 || d.hops == hops:
		d.hops = hops
		d.same++
	default:
		d.other++
	}
}

// leastSeen is how many answers tell a distance.
const leastSeen = 10

// plain reports whether nearly all answers came from one distance: over several ways
// at once they would come from several.
func (d *distance) plain() bool { return d.same >= leastSeen && d.other*20 <= d.same }

// inFront reports whether open ports answer from another distance than closed ones:
// something in front of the host answers for it.
func inFront(open, closed *distance) bool {
	return open.plain() && closed.plain() && open.hops != closed.hops
}
