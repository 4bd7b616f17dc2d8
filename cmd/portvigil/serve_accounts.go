package main

import (
	"context"

	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/web/account"
)

// registry is the store as the keeper of accounts declares it.
type registry struct{ store *store.Store }

func (r registry) View(ctx context.Context, do func(account.Tx) error) error {
	return r.store.View(ctx, func(tx *store.Tx) error { return do(tx) })
}

func (r registry) Update(ctx context.Context, do func(account.Tx) error) error {
	return r.store.Update(ctx, func(tx *store.Tx) error { return do(tx) })
}
