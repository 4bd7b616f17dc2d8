package portvigil

import "time"

// ApproveEntries writes entries into the host's document.
func ApproveEntries(name string, text []byte, host string, add []Entry, now time.Time) ([]byte, error) {
	return nil, Errorf(CodeInternal, "writing %s is not built yet", name)
}

// RemoveEntry takes the entries of a door out of the host's document.
func RemoveEntry(name string, text []byte, host string, door Door) ([]byte, error) {
	return nil, Errorf(CodeInternal, "writing %s is not built yet", name)
}
