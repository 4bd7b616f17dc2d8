package watch

import (
	"context"
	"slices"

	"github.com/portvigil/portvigil"
)

// sweepMeans judges the server's own means, and reports whether anything about a
// vantage has changed. Who reads no channel reads the log.
func (e *Engine) sweepMeans(ctx context.Context) (changed bool, err error) {
	var changes []portvigil.Change
	err = e.ifNeeded(ctx, func(tx Tx) error {
		channels, err := e.judgeMeans(tx)
		if err != nil {
			return err
		}
		files, err := e.judgeFolder(tx)
		if err != nil {
			return err
		}
		vantages, err := e.judgeTroubles(tx, portvigil.VantageBlind, portvigil.BlindVantages(e.dues.seen()))
		changes, changed = slices.Concat(channels, files, vantages), len(vantages) > 0
		return err
	})
	if err != nil {
		return false, err
	}
	for _, c := range changes {
		if c.Alert.Open() && c.Told != "" {
			e.log.Error(c.Alert.Text, "alert", c.Alert.ID)
		}
	}
	return changed, nil
}

// judgeMeans keeps one alert for each channel that delivers nothing. Two
// channels that fail queue one message for each other a spell, and no more: a
// message that fails raises nothing.
func (e *Engine) judgeMeans(tx Tx) ([]portvigil.Change, error) {
	channels, err := tx.Channels()
	if err != nil {
		return nil, err
	}
	return e.judgeTroubles(tx, portvigil.ChannelFailing, portvigil.FailingChannels(channels, e.now()))
}

// judgeFolder keeps one alert for each file of the baseline's folder that cannot
// be used.
func (e *Engine) judgeFolder(tx Tx) ([]portvigil.Change, error) {
	troubles, known := e.folder.unreadable()
	if !known {
		return nil, nil
	}
	return e.judgeTroubles(tx, portvigil.BaselineUnreadable, troubles)
}

// judgeTroubles keeps one alert for each trouble of a kind.
func (e *Engine) judgeTroubles(tx Tx, kind portvigil.Kind, troubles []portvigil.Trouble) ([]portvigil.Change, error) {
	alerts, err := tx.AlertsOfHost("") // those that are about no host
	if err != nil {
		return nil, err
	}
	alerts = slices.DeleteFunc(alerts, func(a portvigil.Alert) bool { return a.Kind != kind })
	changes := portvigil.ReconcileTroubles(e.now(), troubles, alerts)
	if changes, err = shareVantage(tx, changes, e.now()); err != nil {
		return nil, err
	}
	return changes, e.record(tx, changes, "")
}
