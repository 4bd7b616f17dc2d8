package main

import (
	"os"

	"github.com/portvigil/portvigil"
)

// The numbers that people's own users have (UID_MIN and UID_MAX of login.defs(5)).
const (
	firstPerson = 1000
	lastPerson  = 60000
)

// operator is the login name of the person who started the server, with sudo or
// without: who opens its first link. It is "" where no person did, as for a service
// and for root, and for a name that no user of the pages may have.
func (a *app) operator() string {
	if a.begun != nil {
		return a.begun.Operator
	}
	uid := os.Geteuid()
	return operatorOf(uid, userName(uid), a.getenv("SUDO_USER"))
}

// operatorOf goes by a process's user, and by who became root to start it.
func operatorOf(uid int, login, sudo string) string {
	switch {
	case uid == 0:
		login = sudo
	case uid < firstPerson || uid > lastPerson:
		return ""
	}
	if login == "root" || portvigil.CheckUserName(login) != nil {
		return ""
	}
	return login
}
