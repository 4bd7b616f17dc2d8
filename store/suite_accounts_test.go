package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/portvigil/portvigil"
)

func testUsers(t *testing.T, s *Store) {
	user := func(name string) portvigil.User {
		return portvigil.User{ID: portvigil.NewID(), Name: name, Version: 1, Added: at(0), Changed: at(0), By: "root", Password: "$argon2id$" + name}
	}
	bob, ann := user("bob"), user("ann")
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddUser(bob), tx.AddUser(ann)) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddUser(user("ann")) }), portvigil.CodeConflict)
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.ChangeUser(ann) }), portvigil.CodeConflict)
	ann.Version, ann.Password, ann.Changed = 2, "$argon2id$new", at(1)
	update(t, s, func(tx *Tx) error { return tx.ChangeUser(ann) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.ChangeUser(ann) }), portvigil.CodeConflict)
	ann.SignedIn = at(2)
	update(t, s, func(tx *Tx) error { return tx.UserSignedIn(ann.ID, ann.SignedIn) })
	ann.Password = "$argon2id$renewed"
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.RenewHash(ann.ID, 2, ann.Password), tx.RenewHash(ann.ID, 1, "$argon2id$of a password that is gone"))
	})
	view(t, s, func(tx *Tx) error {
		all, err := tx.Users()
		same(t, all, []portvigil.User{ann, bob})
		one, err2 := tx.User("ann")
		same(t, one, ann)
		_, missing := tx.User("Ann")
		is(t, missing, portvigil.CodeNotFound)
		var body string
		err3 := tx.tx.QueryRowContext(tx.ctx, `SELECT body FROM users WHERE name = 'ann'`).Scan(&body)
		if strings.Contains(body, "argon2id") {
			t.Errorf("the password stands in the body: %s", body)
		}
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveUser(ann.ID) })
	for name, do := range map[string]func(*Tx) error{
		"remove":  func(tx *Tx) error { return tx.RemoveUser(ann.ID) },
		"sign in": func(tx *Tx) error { return tx.UserSignedIn(ann.ID, at(3)) },
	} {
		if err := s.Update(t.Context(), do); portvigil.ErrorCode(err) != portvigil.CodeNotFound {
			t.Errorf("%s of a user who has gone: %v", name, err)
		}
	}
	ann.Version = 3
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.ChangeUser(ann) }), portvigil.CodeConflict)
}

func testTokens(t *testing.T, s *Store) {
	token := func(name string) portvigil.Token {
		return portvigil.Token{ID: portvigil.NewID(), Name: name, Scope: portvigil.ReadScope, Added: at(0), By: "ann", Hash: []byte{0, 0xff, name[0]}}
	}
	scrape, cron := token("scrape"), token("cron")
	cron.Expires = at(60)
	update(t, s, func(tx *Tx) error { return errors.Join(tx.AddToken(scrape), tx.AddToken(cron)) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddToken(token("cron")) }), portvigil.CodeConflict)
	other := token("other")
	other.Hash = cron.Hash
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.AddToken(other) }), portvigil.CodeConflict)
	cron.LastUsed = at(1)
	update(t, s, func(tx *Tx) error { return tx.TokenUsed(cron.ID, cron.LastUsed) })
	view(t, s, func(tx *Tx) error {
		all, err := tx.Tokens()
		same(t, all, []portvigil.Token{cron, scrape})
		byHash, err2 := tx.TokenOfHash([]byte{0, 0xff, 'c'})
		same(t, byHash, cron)
		byName, err3 := tx.Token("scrape")
		same(t, byName, scrape)
		for _, hash := range [][]byte{nil, {}, {0}, {0, 0xff, 'C'}} {
			_, missing := tx.TokenOfHash(hash)
			is(t, missing, portvigil.CodeNotFound)
		}
		_, missing := tx.Token("")
		is(t, missing, portvigil.CodeNotFound)
		return errors.Join(err, err2, err3)
	})
	update(t, s, func(tx *Tx) error { return tx.RemoveToken(cron.ID) })
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.RemoveToken(cron.ID) }), portvigil.CodeNotFound)
	is(t, s.Update(t.Context(), func(tx *Tx) error { return tx.TokenUsed(cron.ID, at(2)) }), portvigil.CodeNotFound)
}
