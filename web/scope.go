package web

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// maxRules bounds the networks that the page lists.
const maxRules = 300

// scopePage is what /scope shows.
type scopePage struct {
	Allowed some[portvigil.ScopeRule]
	Denied  some[portvigil.ScopeRule]
	Waiting some[waitingAddress]
	Network string // suggested
	Form    form
}

// waitingAddress is one that a name newly leads to, and that somebody has to allow.
type waitingAddress struct {
	Host    string
	Names   []string // of the host, one of which leads there
	Address netip.Addr
}

func (p *pages) scope(w http.ResponseWriter, r *http.Request) {
	p.showScope(w, r, http.StatusOK, form{})
}

func (p *pages) showScope(w http.ResponseWriter, r *http.Request, status int, f form) {
	rules, err := p.engine.Scope(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	hosts, err := p.engine.Overview(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	var allowed, denied []portvigil.ScopeRule
	for _, rule := range rules {
		if rule.Deny {
			denied = append(denied, rule)
		} else {
			allowed = append(allowed, rule)
		}
	}
	var waiting []waitingAddress
	for _, h := range hosts {
		for _, a := range h.Host.Waiting {
			names := slices.DeleteFunc(slices.Clone(h.Host.Targets), func(t string) bool { return !portvigil.IsDNSName(t) })
			waiting = append(waiting, waitingAddress{h.Host.Name, names, a})
		}
	}
	p.show(w, r, status, "scope.html", page{"What may be scanned", scopePage{first(allowed, maxRules), first(denied, maxRules), first(waiting, maxRules),
		cut(r.URL.Query().Get("network")), f}})
}

// setScope allows or denies a network.
func (p *pages) setScope(w http.ResponseWriter, r *http.Request) {
	p.act(w, r, "scope", func() (done, error) {
		text := strings.TrimSpace(r.PostForm.Get("network"))
		if text == "" {
			return done{}, onField("network", portvigil.Errorf(portvigil.CodeInvalid, "give a network or an address").WithHint("write it as 10.0.0.0/8"))
		}
		prefix, err := parsePrefix(text)
		if err != nil {
			return done{}, onField("network", err)
		}
		deny := r.PostForm.Get("do") == "deny"
		rule, err := p.engine.AddScope(r.Context(), actor(r), prefix, deny)
		if err != nil {
			return done{}, onField("network", err)
		}
		if deny {
			return done{said: rule.Prefix.String() + " is denied: nothing in it is scanned, whatever else is said.", next: "/scope"}, nil
		}
		return done{said: rule.Prefix.String() + " may be scanned.", next: "/scope"}, nil
	}, func(status int, f form) { p.showScope(w, r, status, f) })
}

// allowAddress allows a new address of a host, and has it looked at.
func (p *pages) allowAddress(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	p.act(w, r, "allow", func() (done, error) {
		a, err := netip.ParseAddr(r.PostForm.Get("address"))
		if err != nil {
			return done{}, portvigil.Errorf(portvigil.CodeInvalid, "the form names no address")
		}
		return done{said: a.String() + " may be scanned; a look is on its way."}, p.allowWaiting(r.Context(), actor(r), name, a)
	}, func(status int, f form) { p.showHost(w, r, status, f) })
}

// allowWaiting lets an address be looked at that a name newly leads to.
func (p *pages) allowWaiting(ctx context.Context, by, host string, a netip.Addr) error {
	a = a.Unmap()
	if _, err := p.engine.AddScope(ctx, by, netip.PrefixFrom(a.WithZone(""), a.BitLen()), false); err != nil {
		return err
	}
	return p.engine.AskForLook(ctx, host, portvigil.Outside)
}
