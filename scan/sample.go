package scan

import "math/rand/v2"

// sample spreads questions over the probes of a pass: it cuts the pass into as many
// stretches as there are questions, and has one asked at a random moment of each. So
// they meet what the probes meet.
type sample struct {
	random *rand.Rand
	every  float64 // probes in a stretch; 0: no questions
	from   float64 // probes that had left when it began
	asked  int
	next   float64 // in probes of the pass
}

// spread spreads so many questions over the probes of a pass that are left.
func (s *sample) spread(questions, sent, probes int) {
	s.every, s.from, s.asked = 0, float64(sent), 0
	if questions > 0 && probes > sent {
		s.every = float64(probes-sent) / float64(questions)
		s.draw()
	}
}

func (s *sample) draw() { s.next = s.from + (float64(s.asked)+s.random.Float64())*s.every }

// isDue reports whether a question is due once so many probes of the pass have left.
func (s *sample) isDue(sent int) bool { return s.every > 0 && s.next <= float64(sent) }

// due is isDue, and takes the question.
func (s *sample) due(sent int) bool {
	if !s.isDue(sent) {
		return false
	}
	s.asked++
	s.draw()
	return true
}
