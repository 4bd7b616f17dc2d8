package main

import "testing"

func TestTheOperatorIsAPerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		uid         int
		login, sudo string
		want        string
	}{
		{"a person", 1000, "ann", "", "ann"},
		{"a person who became root", 0, "root", "ann", "ann"},
		{"root", 0, "root", "", ""},
		{"root who became root", 0, "root", "root", ""},
		{"a service", 998, "portvigil", "", ""},
		{"a service that some person started", 998, "portvigil", "ann", ""},
		{"a user that systemd made up", 61184, "portvigil", "", ""},
		{"a user without a name", 1001, "uid 1001", "", ""},
		{"a name that no user of the pages may have", 1000, "Ann", "", ""},
		{"no system of users", -1, "uid -1", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := operatorOf(c.uid, c.login, c.sudo); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
