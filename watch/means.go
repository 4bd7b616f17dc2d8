package watch

import (
	"context"

	"github.com/portvigil/portvigil"
)

// sweepMeans judges the server's own means. Who reads no channel reads the log.
func (e *Engine) sweepMeans(ctx context.Context) error {
	var changes []portvigil.Change
	err := e.store.Update(ctx, func(tx Tx) (err error) { changes, err = e.judgeMeans(tx); return err })
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.Alert.Open() && c.Told != "" {
			e.log.Error(c.Alert.Text, "alert", c.Alert.ID)
		}
	}
	return nil
}

// judgeMeans keeps one alert for each of the server's own means that fails: a
// channel that delivers nothing, a vantage that sees nothing. Two channels that fail queue one message for
// each other a spell, and no more: a message that fails raises nothing.
func (e *Engine) judgeMeans(tx Tx) ([]portvigil.Change, error) {
	channels, err := tx.Channels()
	if err != nil {
		return nil, err
	}
	alerts, err := tx.AlertsOfHost("") // those that are about no host
	if err != nil {
		return nil, err
	}
	troubles := portvigil.FailingChannels(channels, e.now())
	blind, err := e.blindVantages(tx)
	if err != nil {
		return nil, err
	}
	changes := portvigil.ReconcileTroubles(e.now(), append(troubles, blind...), alerts)
	return changes, e.record(tx, changes, "")
}

func (e *Engine) blindVantages(tx Tx) ([]portvigil.Trouble, error) {
	hosts, err := tx.Hosts()
	if err != nil {
		return nil, err
	}
	var sights []portvigil.VantageSight
	for _, h := range hosts {
		trails, err := tx.Trails(h.ID)
		if err != nil {
			return nil, err
		}
		sights = append(sights, portvigil.VantageSights(h, trails, e.now())...)
	}
	return portvigil.BlindVantages(sights), nil
}
