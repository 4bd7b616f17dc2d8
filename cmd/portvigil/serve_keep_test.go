package main

import (
	"testing"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/store"
)

func TestParseKeep(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "48h": 48 * time.Hour, "2d": 48 * time.Hour, "2160h30m": 2160*time.Hour + 30*time.Minute,
		"0": store.Forever, "forever": store.Forever,
	} {
		if got, err := parseKeep(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "90", "1d", "47h59m", "-90d", "-1h", "99999999d", "soon", "0d", "9d9d"} {
		if got, err := parseKeep(text); portvigil.ErrorCode(err) != portvigil.CodeInvalid {
			t.Errorf("%q: got %v, %v, want it refused", text, got, err)
		}
	}
}
