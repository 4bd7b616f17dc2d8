package watch

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/portvigil/portvigil"
)

// resolve finds out where the host's targets lead to now, keeps that with the
// host, and returns the addresses that may be looked at. A name's new address
// that lies outside of the allowed networks waits for somebody to allow it. An
// address that has gone takes its trail with it: nothing is claimed of it any
// more. Where some targets fail, the others are returned with the error.
func (e *Engine) resolve(ctx context.Context, h portvigil.Host) (portvigil.Host, []portvigil.HostAddress, error) {
	found, unresolved := e.addressesOf(ctx, h.Targets)
	var places []portvigil.HostAddress
	var failures []error
	err := e.store.Update(ctx, func(tx Tx) error {
		places, failures = nil, slices.Clone(unresolved)
		scope, err := scopeOf(tx)
		if err != nil {
			return err
		}
		if h, err = hostNow(tx, h.ID); err != nil {
			return err
		}
		before := h.Addresses
		h.Addresses, h.Waiting = nil, nil
		for _, a := range found {
			a.Kind = (&portvigil.Host{Addresses: before}).KindOf(a.Address)
			added := a.Name == "" || slices.ContainsFunc(before, func(b portvigil.HostAddress) bool { return b.Address == a.Address })
			if err := scope.Check(a.Address, added); err != nil {
				failures = append(failures, err)
				if a.Name != "" && !added {
					h.Waiting = append(h.Waiting, a.Address)
				}
				continue
			}
			h.Addresses = append(h.Addresses, a)
			places = append(places, a)
		}
		if failedNames(failures) {
			h.Addresses = keepKnown(h.Addresses, before)
		} else if err := forget(tx, h); err != nil {
			return err
		}
		return tx.PutHost(h)
	})
	if err != nil {
		return h, nil, err
	}
	return h, places, errors.Join(failures...)
}

// addressesOf resolves targets; each address is returned once.
func (e *Engine) addressesOf(ctx context.Context, targets []string) (found []portvigil.HostAddress, failures []error) {
	for _, target := range targets {
		addresses, err := e.outside.Resolve(ctx, target)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		name := ""
		if portvigil.IsDNSName(target) {
			name = target
		}
		for _, a := range addresses {
			known := slices.ContainsFunc(found, func(f portvigil.HostAddress) bool { return f.Address == a })
			if !known {
				found = append(found, portvigil.HostAddress{Address: a, Name: name})
			}
		}
	}
	return found, failures
}

// failedNames reports whether a failure left open where a target leads to.
func failedNames(failures []error) bool {
	return slices.ContainsFunc(failures, func(err error) bool {
		return portvigil.ErrorCode(err) != portvigil.CodeOutOfScope
	})
}

// keepKnown adds the addresses that were known before: a name server that does
// not answer takes nothing away.
func keepKnown(now, before []portvigil.HostAddress) []portvigil.HostAddress {
	for _, b := range before {
		if !slices.ContainsFunc(now, func(n portvigil.HostAddress) bool { return n.Address == b.Address }) {
			now = append(now, b)
		}
	}
	return now
}

// forget removes the trails of addresses that the host no longer has.
func forget(tx Tx, h portvigil.Host) error {
	trails, err := tx.Trails(h.ID)
	if err != nil {
		return err
	}
	for _, t := range trails {
		if t.Key.View != portvigil.Outside || slices.ContainsFunc(h.Addresses, func(a portvigil.HostAddress) bool { return a.Address == t.Key.Address }) {
			continue
		}
		if err := tx.RemoveTrail(h.ID, t.Key); err != nil {
			return err
		}
	}
	return nil
}

func scopeOf(tx Tx) (portvigil.TargetScope, error) {
	rules, err := tx.Scope()
	if err != nil {
		return portvigil.TargetScope{}, err
	}
	var s portvigil.TargetScope
	for _, r := range rules {
		if r.Deny {
			s.Deny = append(s.Deny, r.Prefix)
		} else {
			s.Allow = append(s.Allow, r.Prefix)
		}
	}
	return s, nil
}

// Scope returns the operator's list of what may be scanned.
func (e *Engine) Scope(ctx context.Context) (rules []portvigil.ScopeRule, err error) {
	err = e.store.View(ctx, func(tx Tx) error { rules, err = tx.Scope(); return err })
	return rules, err
}

// AddScope allows or denies a network; it replaces what was said of the same one.
func (e *Engine) AddScope(ctx context.Context, by string, prefix netip.Prefix, deny bool) (portvigil.ScopeRule, error) {
	rule := portvigil.ScopeRule{Prefix: prefix.Masked(), Deny: deny, Added: e.now(), By: by}
	if !deny && prefix.IsSingleIP() {
		if why := portvigil.NeverTarget(prefix.Addr()); why != "" {
			return rule, portvigil.Errorf(portvigil.CodeOutOfScope, "%s is never scanned: it is %s", prefix.Addr(), why)
		}
	}
	what := portvigil.ActNetworkAllowed
	if deny {
		what = portvigil.ActNetworkDenied
	}
	return rule, e.store.Update(ctx, func(tx Tx) error {
		if err := tx.PutScopeRule(rule); err != nil {
			return err
		}
		return e.act(tx, by, what, "network", rule.Prefix.String(), "")
	})
}
