package watch

import (
	"context"

	"github.com/portvigil/portvigil"
)

// noting is a Store that tells what was written to who keeps something that
// follows from it, once that is on disk and before Update returns.
type noting struct {
	Store
	dues      *dues
	summaries *summaries
	feed      *feed
}

// Update is the store's. What it wrote is told also where it failed: whether a
// commit came through whose answer was lost is not known.
func (n noting) Update(ctx context.Context, do func(Tx) error) error {
	var t touched
	err := n.Store.Update(ctx, func(tx Tx) error {
		t = touched{}
		return do(notingTx{tx, &t})
	})
	n.dues.touched(t)
	n.summaries.touched(t)
	n.feed.touched(t)
	return err
}

// touched is what a transaction wrote about.
type touched struct {
	// Whose judgement rests on it: every host's, or those by id and by name.
	all        bool
	ids, names []string
	asked      []string // ids of hosts whose requests are others
	looked     []string // ids of hosts that have another look
	alerts     []string
	// allListed tells that lists may say something else of every host.
	allListed bool
	other     bool // what is about no host and no alert
	reviews   bool
	called    map[string]string // names of hosts by id, as the transaction read them
}

// notingTx notes what is written.
type notingTx struct {
	Tx
	touched *touched
}

func (tx notingTx) call(h portvigil.Host, err error) (portvigil.Host, error) {
	if err == nil {
		if tx.touched.called == nil {
			tx.touched.called = map[string]string{}
		}
		tx.touched.called[h.ID] = h.Name
	}
	return h, err
}

func (tx notingTx) Host(name string) (portvigil.Host, error) { return tx.call(tx.Tx.Host(name)) }

func (tx notingTx) HostByID(id string) (portvigil.Host, error) { return tx.call(tx.Tx.HostByID(id)) }

func (tx notingTx) PutHost(h portvigil.Host) error {
	_, _ = tx.call(h, nil)
	tx.touched.ids = append(tx.touched.ids, h.ID)
	return tx.Tx.PutHost(h)
}

func (tx notingTx) RemoveHost(id string) error {
	tx.touched.asked = append(tx.touched.asked, id)
	return tx.Tx.RemoveHost(id)
}

func (tx notingTx) AddLook(hostID string, l *portvigil.Look) error {
	tx.touched.looked = append(tx.touched.looked, hostID)
	return tx.Tx.AddLook(hostID, l)
}

func (tx notingTx) PutTrail(hostID string, t *portvigil.Trail) error {
	tx.touched.ids = append(tx.touched.ids, hostID)
	return tx.Tx.PutTrail(hostID, t)
}

func (tx notingTx) RemoveTrail(hostID string, key portvigil.ViewKey) error {
	tx.touched.ids = append(tx.touched.ids, hostID)
	return tx.Tx.RemoveTrail(hostID, key)
}

func (tx notingTx) PutAlert(a portvigil.Alert) error {
	if a.Kind == portvigil.VantageBlind {
		tx.touched.all = true // it excuses every host
	}
	tx.touched.names = append(tx.touched.names, a.Host)
	tx.touched.alerts = append(tx.touched.alerts, a.ID)
	return tx.Tx.PutAlert(a)
}

func (tx notingTx) AddAudit(e portvigil.AuditEntry) error {
	tx.touched.alerts = append(tx.touched.alerts, e.Alert)
	return tx.Tx.AddAudit(e)
}

func (tx notingTx) AddBaseline(v portvigil.BaselineVersion) error {
	tx.touched.all, tx.touched.other = true, true
	if v.Kind == docHost {
		tx.touched.names = append(tx.touched.names, v.Name)
	} else {
		tx.touched.allListed = true // a group's holds for many
	}
	return tx.Tx.AddBaseline(v)
}

func (tx notingTx) AddRequest(r portvigil.LookRequest) error {
	tx.touched.asked = append(tx.touched.asked, r.HostID)
	return tx.Tx.AddRequest(r)
}

func (tx notingTx) PutRequest(r portvigil.LookRequest) error {
	tx.touched.asked = append(tx.touched.asked, r.HostID)
	return tx.Tx.PutRequest(r)
}

func (tx notingTx) WakeRequest(r portvigil.LookRequest) error {
	tx.touched.asked = append(tx.touched.asked, r.HostID)
	return tx.Tx.WakeRequest(r)
}

func (tx notingTx) AddDelivery(d portvigil.Delivery) error {
	tx.touched.alerts = append(tx.touched.alerts, d.Alert)
	return tx.Tx.AddDelivery(d)
}

func (tx notingTx) PutDelivery(d portvigil.Delivery) error {
	tx.touched.alerts = append(tx.touched.alerts, d.Alert)
	return tx.Tx.PutDelivery(d)
}

func (tx notingTx) PutChannel(c portvigil.ChannelRow) error {
	tx.touched.other = true
	return tx.Tx.PutChannel(c)
}

func (tx notingTx) RemoveChannel(id string) error {
	tx.touched.other = true
	return tx.Tx.RemoveChannel(id)
}

func (tx notingTx) PutReview(r portvigil.Review) error {
	tx.touched.reviews = true
	return tx.Tx.PutReview(r)
}

func (tx notingTx) PutScopeRule(r portvigil.ScopeRule) error {
	tx.touched.other = true
	return tx.Tx.PutScopeRule(r)
}
