package scan

// lists of probes in flight: those with the usual patience, and patient ones.
// Within a list all have the same patience, so that the oldest expires first.
const lists = 2

// slots holds the probes in flight, with no allocation per probe once it has
// grown: two doubly linked lists, by age, over one array, and a list of free ones.
type slots struct {
	all        []slot
	head, tail [lists]int // -1 and meaningless while begun is false
	free       []int
	live       int
	begun      bool
}

type slot struct {
	probe      probe
	key        int   // the engine's: a descriptor, or the port that the probe came from
	turn       int32 // of the slot: another one for each probe that it holds, and while it holds none
	prev, next int
}

func (s *slots) add(p probe, key int) int {
	if !s.begun {
		s.begun, s.head, s.tail = true, [lists]int{-1, -1}, [lists]int{-1, -1}
	}
	i := len(s.all)
	if n := len(s.free); n > 0 {
		i, s.free = s.free[n-1], s.free[:n-1]
	} else {
		s.all = append(s.all, slot{})
	}
	list := listOf(p)
	s.all[i] = slot{probe: p, key: key, turn: s.all[i].turn + 1, prev: s.tail[list], next: -1}
	if s.tail[list] >= 0 {
		s.all[s.tail[list]].next = i
	} else {
		s.head[list] = i
	}
	s.tail[list] = i
	s.live++
	return i
}

func (s *slots) remove(i int) {
	list, it := listOf(s.all[i].probe), s.all[i]
	if it.prev >= 0 {
		s.all[it.prev].next = it.next
	} else {
		s.head[list] = it.next
	}
	if it.next >= 0 {
		s.all[it.next].prev = it.prev
	} else {
		s.tail[list] = it.prev
	}
	s.all[i].turn++
	s.free = append(s.free, i)
	s.live--
}

// oldest returns the slot that was filled first of those in the list, -1 for none.
func (s *slots) oldest(list int) int {
	if !s.begun {
		return -1
	}
	return s.head[list]
}

func listOf(p probe) int {
	if p.patient {
		return 1
	}
	return 0
}
