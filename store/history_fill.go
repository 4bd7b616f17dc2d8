package store

import (
	"context"
	"database/sql"

	"github.com/portvigil/portvigil"
)

// historyFilled is the setting that says that every stored look is in the history.
const historyFilled = "history-filled"

// fillHistory derives the intervals of a database whose looks were stored before
// there were any. Cut off in the middle, it does it again.
func (s *Store) fillHistory(ctx context.Context) error {
	type view struct {
		host string
		key  portvigil.ViewKey
	}
	var filled string
	var views []view
	err := s.View(ctx, func(tx *Tx) (err error) {
		views = nil
		if filled, err = tx.Setting(historyFilled); err != nil || filled != "" {
			return err
		}
		return tx.each(func(row *sql.Rows) error {
			var host string
			var k series
			if err := row.Scan(&host, &k.view, &k.vantage, &k.address, &k.proto); err != nil {
				return err
			}
			key, err := k.viewKey()
			if err != nil {
				return unreadable("looks", host, err)
			}
			views = append(views, view{host, key})
			return nil
		}, `SELECT DISTINCT host_id, view, vantage, address, proto FROM looks WHERE org = ?`, org)
	})
	if err != nil || filled != "" {
		return err
	}
	// A transaction a view: all at once, a large database would be in memory.
	for _, v := range views {
		if err := s.Update(ctx, func(tx *Tx) error { return tx.replayHistory(v.host, v.key) }); err != nil {
			return err
		}
	}
	return s.Update(ctx, func(tx *Tx) error { return tx.PutSetting(historyFilled, "yes") })
}
