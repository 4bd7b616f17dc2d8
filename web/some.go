package web

// maxDoors bounds the doors and entries that one page lists: a host that answers on
// every port must not make a page that no browser opens. What is left out is counted.
const maxDoors = 500

// some is the beginning of a list, and how many more there are.
type some[T any] struct {
	List []T
	More int
}

// Count is how many there are in all.
func (s some[T]) Count() int { return len(s.List) + s.More }

func first[T any](list []T, n int) some[T] {
	if len(list) <= n {
		return some[T]{List: list}
	}
	return some[T]{list[:n], len(list) - n}
}
