package accounttest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/web/account"
)

// Storage keeps accounts in memory; the zero value is empty.
type Storage struct {
	Err error // what View and Update answer where it is not nil; set before use

	mu     sync.Mutex
	users  map[string]portvigil.User // by id; guarded by mu
	tokens map[string]portvigil.Token
	acts   []portvigil.Act
}

// Acts returns what was done, the oldest first.
func (s *Storage) Acts() []portvigil.Act {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.acts)
}

// View runs do on what is there.
func (s *Storage) View(_ context.Context, do func(account.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return s.Err
	}
	return do(&tx{maps.Clone(s.users), maps.Clone(s.tokens), nil})
}

// Update keeps what do changed, unless it fails.
func (s *Storage) Update(_ context.Context, do func(account.Tx) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return s.Err
	}
	t := &tx{map[string]portvigil.User{}, map[string]portvigil.Token{}, nil}
	maps.Copy(t.users, s.users)
	maps.Copy(t.tokens, s.tokens)
	err := do(t)
	if err == nil {
		s.users, s.tokens, s.acts = t.users, t.tokens, append(s.acts, t.acts...)
	}
	return err
}

type tx struct {
	users  map[string]portvigil.User
	tokens map[string]portvigil.Token
	acts   []portvigil.Act
}

func (t *tx) AddAct(a portvigil.Act) error {
	t.acts = append(t.acts, a)
	return nil
}

func (t *tx) Users() ([]portvigil.User, error) {
	return slices.SortedFunc(maps.Values(t.users), func(a, b portvigil.User) int { return cmp.Compare(a.Name, b.Name) }), nil
}

func (t *tx) User(name string) (portvigil.User, error) {
	return find("user", t.users, func(u portvigil.User) bool { return u.Name == name })
}

func (t *tx) AddUser(u portvigil.User) error {
	if _, err := t.User(u.Name); err == nil {
		return portvigil.Errorf(portvigil.CodeConflict, "there already is user %s", u.Name)
	}
	t.users[u.ID] = u
	return nil
}

func (t *tx) ChangeUser(u portvigil.User) error {
	if t.users[u.ID].Version != u.Version-1 {
		return portvigil.Errorf(portvigil.CodeConflict, "user %s was changed meanwhile", u.Name)
	}
	t.users[u.ID] = u
	return nil
}

func (t *tx) UserSignedIn(id string, when time.Time) error {
	u := t.users[id]
	u.SignedIn = when
	t.users[id] = u
	return nil
}

func (t *tx) FactorStepUsed(id string, step int64) error {
	return t.changeFactor(id, func(f *portvigil.Factor) bool {
		later := step > f.Used
		f.Used = max(f.Used, step)
		return later
	})
}

func (t *tx) RecoveryUsed(id string, hash []byte) error {
	return t.changeFactor(id, func(f *portvigil.Factor) bool {
		before := len(f.Recovery)
		f.Recovery = slices.DeleteFunc(slices.Clone(f.Recovery), func(h []byte) bool { return bytes.Equal(h, hash) })
		return len(f.Recovery) < before
	})
}

// changeFactor changes a copy: what was read before stays as it was read.
func (t *tx) changeFactor(id string, do func(*portvigil.Factor) bool) error {
	u := t.users[id]
	if u.Factor == nil {
		return portvigil.Errorf(portvigil.CodeConflict, "there is no second factor")
	}
	f := *u.Factor
	if !do(&f) {
		return portvigil.Errorf(portvigil.CodeConflict, "it was taken before")
	}
	u.Factor = &f
	t.users[id] = u
	return nil
}

func (t *tx) RenewHash(id string, version int64, hash string) error {
	if u, there := t.users[id]; there && u.Version == version {
		u.Password = hash
		t.users[id] = u
	}
	return nil
}

func (t *tx) RemoveUser(id string) error {
	delete(t.users, id)
	return nil
}

func (t *tx) Tokens() ([]portvigil.Token, error) {
	return slices.SortedFunc(maps.Values(t.tokens), func(a, b portvigil.Token) int { return cmp.Compare(a.Name, b.Name) }), nil
}

func (t *tx) Token(name string) (portvigil.Token, error) {
	return find("token", t.tokens, func(k portvigil.Token) bool { return k.Name == name })
}

func (t *tx) TokenOfHash(hash []byte) (portvigil.Token, error) {
	return find("token", t.tokens, func(k portvigil.Token) bool { return bytes.Equal(k.Hash, hash) })
}

func (t *tx) AddToken(k portvigil.Token) error {
	if _, err := t.Token(k.Name); err == nil {
		return portvigil.Errorf(portvigil.CodeConflict, "there already is token %s", k.Name)
	}
	t.tokens[k.ID] = k
	return nil
}

func (t *tx) TokenUsed(id string, when time.Time) error {
	k := t.tokens[id]
	k.LastUsed = when
	t.tokens[id] = k
	return nil
}

func (t *tx) RemoveToken(id string) error {
	delete(t.tokens, id)
	return nil
}

func find[T any](noun string, all map[string]T, is func(T) bool) (T, error) {
	for _, v := range all {
		if is(v) {
			return v, nil
		}
	}
	var none T
	return none, portvigil.Errorf(portvigil.CodeNotFound, "there is no such %s", noun)
}
