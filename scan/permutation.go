package scan

import "math/bits"

// permutation is a pseudo-random order of 0…n-1 that is computed as it goes: nothing
// is stored per element. It is a balanced Feistel network over the next even number
// of bits, which reaches each value from exactly one other, whatever its round
// function; values from n on are passed through it again until one is below (Black
// and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002, "cycle walking":
// four times at most on average). It hides nothing, it only scatters.
type permutation struct {
	n    uint64
	half uint // bits of each half
	keys [feistelRounds]uint32
}

// feistelRounds is enough for an order without visible pattern.
const feistelRounds = 4

// newPermutation orders 0…n-1, n from 0 to 1<<62, by a seed: equal ones give equal orders.
func newPermutation(n, seed uint64) permutation {
	p := permutation{n: n}
	if n > 1 {
		p.half = uint(bits.Len64(n-1)+1) / 2
	}
	for i := range p.keys {
		seed += 0x9e3779b97f4a7c15
		p.keys[i] = uint32(scattered(seed))
	}
	return p
}

// at is what comes i-th, for i below n.
func (p *permutation) at(i uint64) uint64 {
	if p.n < 2 {
		return i
	}
	mask := uint32(1)<<p.half - 1
	for {
		left, right := uint32(i>>p.half), uint32(i)&mask
		for _, key := range p.keys {
			left, right = right, left^round(right, key)&mask
		}
		if i = uint64(left)<<p.half | uint64(right); i < p.n {
			return i
		}
	}
}

func round(half, key uint32) uint32 {
	x := half*0x9e3779b1 + key
	x ^= x >> 15
	x *= 0x2c1b3c6d
	x ^= x >> 12
	return x >> 8
}

// scattered makes numbers that follow one another look unrelated (the last step of
// splitmix64, Steele et al. 2014).
func scattered(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
