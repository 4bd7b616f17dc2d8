package store

import (
	"context"
	"strconv"
	"time"
)

const (
	// rollEvery is how often Retain rolls up, and rollAgain how soon where it failed.
	rollEvery = 24 * time.Hour
	rollAgain = time.Hour
	// rolledUp is the setting that says when that was done last, in microseconds.
	rolledUp = "rolled-up"
)

// Retain rolls up what is older than keep, or Forever, once a day until ctx ends, and begins
// with it where the last time is longer ago or was cut off. A failure is told in
// the log, and tried again.
func (s *Store) Retain(ctx context.Context, keep time.Duration) error {
	wait, err := s.untilRollUp(ctx)
	for {
		if err != nil && ctx.Err() == nil {
			s.log.Error("rolling up old looks failed", "err", err, "again_in", rollAgain)
			wait = rollAgain
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait, err = rollEvery, s.rollUpOnce(ctx, keep)
	}
}

// untilRollUp is how long it is until the next time.
func (s *Store) untilRollUp(ctx context.Context) (wait time.Duration, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		text, err := tx.Setting(rolledUp)
		if err != nil || text == "" {
			return err
		}
		last, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return unreadable("settings", rolledUp, err)
		}
		wait = min(fromMicros(last).Add(rollEvery).Sub(s.clock()), rollEvery)
		return nil
	})
	return wait, err
}

func (s *Store) rollUpOnce(ctx context.Context, keep time.Duration) error {
	removed, err := s.RollUp(ctx, keep)
	if removed != (Removed{}) {
		s.log.Info("old rows are rolled up", "keep", keep, "looks", removed.Looks, "sights", removed.Sights,
			"requests", removed.Requests, "deliveries", removed.Deliveries)
	}
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx *Tx) error {
		return tx.PutSetting(rolledUp, strconv.FormatInt(micros(s.clock()), 10))
	})
}

// Size returns what the database takes on disk, in bytes, without the log of what
// was written last.
func (s *Store) Size(ctx context.Context) (int64, error) {
	bytes, err := s.engine.size(ctx, s.readers)
	return bytes, s.told(ctx, err)
}
