package portvigil

// SuggestEntry returns the entry that approving a door writes.
func SuggestEntry(d Door, scope Scope, s *Service, p *Process, why, owner string) Entry {
	return Entry{}
}

// EntriesFromListeners returns the entries of a first baseline.
func EntriesFromListeners(ls []Listener, ephemeral PortRange, why, owner string) []Entry { return nil }

// EntriesFromLooks returns the entries of a first baseline from what outside
// looks saw open.
func EntriesFromLooks(looks []Look, why, owner string) []Entry { return nil }
