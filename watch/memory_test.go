package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/portvigil/portvigil"
)

// memory is a Store without a disk. What is put is kept as the JSON that a
// database would hold, so that nothing is shared with who put it. It runs every
// function of Update twice, the first time for nothing, as a busy database does.
type memory struct {
	mu     sync.Mutex
	rows   rows
	seq    uint64
	broken func() error // fails commits; nil for none
	before func()       // runs before each Update, without the lock; nil for none
	once   bool         // runs what it is given once, for tests in which time counts
}

// rows are tables of JSON by key; keys sort as the table is read.
type rows map[string]map[string]string

func newMemory() *memory { return &memory{rows: rows{}} }

func (m *memory) View(ctx context.Context, do func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return do(m.begin())
}

// begin returns a transaction, which copies a table when it writes into it.
func (m *memory) begin() *memoryTx { return &memoryTx{m, maps.Clone(m.rows), map[string]bool{}} }

func (m *memory) Update(ctx context.Context, do func(Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.before != nil {
		m.before()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.once {
		if err := do(m.begin()); err != nil {
			return err
		}
	}
	tx := m.begin()
	if err := do(tx); err != nil {
		return err
	}
	if m.broken != nil {
		if err := m.broken(); err != nil {
			return err
		}
	}
	m.rows = tx.rows
	return nil
}

type memoryTx struct {
	m     *memory
	rows  rows
	owned map[string]bool // tables that are this transaction's own copy
}

// table returns a table to write into.
func (tx *memoryTx) table(name string) map[string]string {
	if !tx.owned[name] {
		tx.owned[name] = true
		if tx.rows[name] = maps.Clone(tx.rows[name]); tx.rows[name] == nil {
			tx.rows[name] = map[string]string{}
		}
	}
	return tx.rows[name]
}

func put(tx *memoryTx, table, key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("store %s %s: %w", table, key, err)
	}
	tx.table(table)[key] = string(text)
	return nil
}

func change(tx *memoryTx, table, key string, v any) error {
	if _, there := tx.rows[table][key]; !there {
		return missing(table, key)
	}
	return put(tx, table, key, v)
}

func missing(table, key string) error {
	return portvigil.Errorf(portvigil.CodeNotFound, "there is no %s %s", table, key)
}

func one[T any](tx *memoryTx, table, key string) (v T, err error) {
	text, there := tx.rows[table][key]
	if !there {
		return v, missing(table, key)
	}
	return v, json.Unmarshal([]byte(text), &v)
}

// all returns the table's values that are wanted, by key.
func all[T any](tx *memoryTx, table string, wanted func(T) bool) (list []T, err error) {
	for _, key := range slices.Sorted(maps.Keys(tx.rows[table])) {
		v, err := one[T](tx, table, key)
		if err != nil {
			return nil, err
		}
		if wanted(v) {
			list = append(list, v)
		}
	}
	return list, nil
}

func anyOf[T any](T) bool { return true }

func (tx *memoryTx) Hosts() ([]portvigil.Host, error) {
	list, err := all(tx, "host", anyOf[portvigil.Host])
	slices.SortFunc(list, func(a, b portvigil.Host) int { return cmp.Compare(a.Name, b.Name) })
	return list, err
}

func (tx *memoryTx) Host(name string) (portvigil.Host, error) {
	list, err := all(tx, "host", func(h portvigil.Host) bool { return h.Name == name })
	if err == nil && len(list) == 0 {
		return portvigil.Host{}, missing("host", name)
	}
	return list[0], err
}

func (tx *memoryTx) HostByID(id string) (portvigil.Host, error) {
	return one[portvigil.Host](tx, "host", id)
}

func (tx *memoryTx) PutHost(h portvigil.Host) error { return put(tx, "host", h.ID, h) }

func (tx *memoryTx) RemoveHost(id string) error {
	if _, err := tx.HostByID(id); err != nil {
		return err
	}
	delete(tx.table("host"), id)
	maps.DeleteFunc(tx.table("look"), func(key, _ string) bool { return strings.HasPrefix(key, id+" ") })
	maps.DeleteFunc(tx.table("trail"), func(key, _ string) bool { return strings.HasPrefix(key, id+" ") })
	requests, err := all(tx, "request", func(r portvigil.LookRequest) bool { return r.HostID == id })
	for _, r := range requests {
		delete(tx.table("request"), r.ID)
	}
	return err
}

func (tx *memoryTx) Scope() ([]portvigil.ScopeRule, error) {
	return all(tx, "scope", anyOf[portvigil.ScopeRule])
}

func (tx *memoryTx) PutScopeRule(r portvigil.ScopeRule) error {
	return put(tx, "scope", r.Prefix.String(), r)
}

func (tx *memoryTx) NextSeq() (uint64, error) {
	tx.m.seq++ // never twice, also not where the transaction comes to nothing
	return tx.m.seq, nil
}

func (tx *memoryTx) HasLook(id string) (bool, error) {
	for key := range tx.rows["look"] {
		if strings.HasSuffix(key, " "+id) {
			return true, nil
		}
	}
	return false, nil
}

func (tx *memoryTx) AddLook(hostID string, l *portvigil.Look) error {
	if there, _ := tx.HasLook(l.ID); there {
		return portvigil.Errorf(portvigil.CodeConflict, "there already is look %s", l.ID)
	}
	return put(tx, "look", hostID+" "+l.ID, l)
}

func (tx *memoryTx) looks(wanted func(*portvigil.Look) bool) ([]*portvigil.Look, error) {
	list, err := all(tx, "look", wanted)
	slices.SortFunc(list, func(a, b *portvigil.Look) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, err
}

func (tx *memoryTx) ReplayTrail(hostID string, key portvigil.ViewKey) (*portvigil.Trail, error) {
	looks, err := tx.looks(func(l *portvigil.Look) bool {
		_, there := tx.rows["look"][hostID+" "+l.ID]
		return there && l.Key() == key
	})
	return portvigil.Replay(looks), err
}

func (tx *memoryTx) LooksOfRun(hostID, run string) ([]*portvigil.Look, error) {
	return tx.looks(func(l *portvigil.Look) bool {
		_, there := tx.rows["look"][hostID+" "+l.ID]
		return there && l.Run == run
	})
}

func trailKey(hostID string, k portvigil.ViewKey) string {
	return fmt.Sprintf("%s %s %s %s %s", hostID, k.View, k.Vantage, k.Address, k.Proto)
}

func (tx *memoryTx) Trails(hostID string) (list []portvigil.Trail, err error) {
	for _, key := range slices.Sorted(maps.Keys(tx.rows["trail"])) {
		if !strings.HasPrefix(key, hostID+" ") {
			continue
		}
		t, err := one[portvigil.Trail](tx, "trail", key)
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}

func (tx *memoryTx) PutTrail(hostID string, t *portvigil.Trail) error {
	return put(tx, "trail", trailKey(hostID, t.Key), t)
}

func (tx *memoryTx) RemoveTrail(hostID string, key portvigil.ViewKey) error {
	delete(tx.table("trail"), trailKey(hostID, key))
	return nil
}

// withMemory is an alert as it is stored: its record says nothing of its memory.
type withMemory struct {
	Alert  portvigil.Alert
	Memory portvigil.AlertMemory
}

func (tx *memoryTx) alerts(wanted func(portvigil.Alert) bool) (list []portvigil.Alert, err error) {
	stored, err := all(tx, "alert", anyOf[withMemory])
	for _, s := range stored {
		if s.Alert.Memory = s.Memory; wanted(s.Alert) {
			list = append(list, s.Alert)
		}
	}
	slices.SortStableFunc(list, func(a, b portvigil.Alert) int { return a.Opened.Compare(b.Opened) })
	return list, err
}

func (tx *memoryTx) Alert(id string) (portvigil.Alert, error) {
	list, err := tx.alerts(func(a portvigil.Alert) bool { return a.ID == id })
	if err == nil && len(list) == 0 {
		return portvigil.Alert{}, missing("alert", id)
	}
	return list[0], err
}

func (tx *memoryTx) Alerts(open bool) ([]portvigil.Alert, error) {
	return tx.alerts(func(a portvigil.Alert) bool { return !open || a.Open() })
}

func (tx *memoryTx) AlertsOfHost(name string) ([]portvigil.Alert, error) {
	return tx.alerts(func(a portvigil.Alert) bool { return a.Host == name })
}

func (tx *memoryTx) AlertsWhere(f portvigil.AlertFilter) ([]portvigil.Alert, int, error) {
	list, err := tx.Alerts(false)
	page, total := f.Page(list)
	return page, total, err
}

func (tx *memoryTx) AlertCounts(f portvigil.AlertFilter) ([]portvigil.AlertCount, error) {
	list, err := tx.Alerts(false)
	counts := map[portvigil.AlertCount]int{}
	for _, a := range list {
		if f.Matches(&a) {
			counts[portvigil.AlertCount{State: a.State, Severity: a.Severity, Attention: a.Attention()}]++
		}
	}
	var sums []portvigil.AlertCount
	for c, n := range counts {
		c.Count = n
		sums = append(sums, c)
	}
	return sums, err
}

func (tx *memoryTx) AddAct(a portvigil.Act) error { return put(tx, "act", a.ID, a) }

func (tx *memoryTx) Acts(f portvigil.ActFilter) ([]portvigil.Act, int, error) {
	list, err := all(tx, "act", anyOf[portvigil.Act])
	if err != nil {
		return nil, 0, err
	}
	steps, err := all(tx, "audit", anyOf[portvigil.AuditEntry])
	for _, e := range steps {
		a, err := tx.Alert(e.Alert)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, e.Act(a.Host))
	}
	page, total := f.Page(list)
	return page, total, err
}

func (tx *memoryTx) PutAlert(a portvigil.Alert) error {
	return put(tx, "alert", a.ID, withMemory{a, a.Memory})
}

func (tx *memoryTx) AddAudit(e portvigil.AuditEntry) error { return put(tx, "audit", e.ID, e) }

func (tx *memoryTx) Audit(alert string) ([]portvigil.AuditEntry, error) {
	return all(tx, "audit", func(e portvigil.AuditEntry) bool { return e.Alert == alert })
}

func (tx *memoryTx) Baseline(kind, name string) (portvigil.BaselineVersion, error) {
	return one[portvigil.BaselineVersion](tx, "baseline", kind+" "+name)
}

func (tx *memoryTx) Baselines() ([]portvigil.BaselineVersion, error) {
	list, err := all(tx, "baseline", anyOf[portvigil.BaselineVersion])
	slices.SortStableFunc(list, func(a, b portvigil.BaselineVersion) int { return -cmp.Compare(a.Kind, b.Kind) })
	return list, err
}

func (tx *memoryTx) BaselinesFor(host string) ([]portvigil.BaselineVersion, error) {
	list, err := tx.Baselines()
	return slices.DeleteFunc(list, func(v portvigil.BaselineVersion) bool { return v.Kind == docHost && v.Name != host }), err
}

func (tx *memoryTx) AddBaseline(v portvigil.BaselineVersion) error {
	newest, err := tx.Baseline(v.Kind, v.Name)
	if err != nil && portvigil.ErrorCode(err) != portvigil.CodeNotFound {
		return err
	}
	if v.Version != newest.Version+1 {
		return portvigil.Errorf(portvigil.CodeConflict, "the baseline is at version %d", newest.Version)
	}
	if err := put(tx, "baseline version", fmt.Sprintf("%s %s %06d", v.Kind, v.Name, v.Version), v); err != nil {
		return err
	}
	return put(tx, "baseline", v.Kind+" "+v.Name, v)
}

func (tx *memoryTx) BaselineVersions(kind, name string) ([]portvigil.BaselineVersion, error) {
	return all(tx, "baseline version", func(v portvigil.BaselineVersion) bool { return v.Kind == kind && v.Name == name })
}

func (tx *memoryTx) PutReview(r portvigil.Review) error { return put(tx, "review", r.ID, r) }

func (tx *memoryTx) Review(id string) (portvigil.Review, error) {
	return one[portvigil.Review](tx, "review", id)
}

func (tx *memoryTx) Reviews() ([]portvigil.Review, error) {
	list, err := all(tx, "review", anyOf[portvigil.Review])
	slices.SortStableFunc(list, func(a, b portvigil.Review) int {
		if a.Signed.IsZero() != b.Signed.IsZero() {
			return map[bool]int{true: -1, false: 1}[a.Signed.IsZero()]
		}
		return b.Signed.Compare(a.Signed)
	})
	return list, err
}

func (tx *memoryTx) LastOpen(hostID string) ([]portvigil.LastOpen, error) {
	intervals, _, err := tx.Past(hostID, dawn.AddDate(100, 0, 0))
	last := map[portvigil.Door]portvigil.LastOpen{}
	for _, i := range intervals {
		if d := i.Door(); !i.Last.Time.Before(last[d].Time) {
			last[d] = portvigil.LastOpen{Door: d, Time: i.Last.Time}
		}
	}
	return slices.SortedFunc(maps.Values(last), func(a, b portvigil.LastOpen) int {
		return cmp.Or(cmp.Compare(a.Door.Proto, b.Door.Proto), cmp.Compare(a.Door.Port, b.Door.Port))
	}), err
}

// withSecret is a channel as it is stored.
type withSecret struct {
	Row    portvigil.ChannelRow
	Secret []byte
}

func (tx *memoryTx) Channels() (list []portvigil.ChannelRow, err error) {
	stored, err := all(tx, "channel", anyOf[withSecret])
	for _, s := range stored {
		s.Row.Secret = s.Secret
		list = append(list, s.Row)
	}
	return list, err
}

func (tx *memoryTx) Channel(name string) (portvigil.ChannelRow, error) {
	list, err := tx.Channels()
	for _, c := range list {
		if c.Name == name {
			return c, nil
		}
	}
	return portvigil.ChannelRow{}, cmp.Or(err, missing("channel", name))
}

func (tx *memoryTx) PutChannel(c portvigil.ChannelRow) error {
	return put(tx, "channel", c.ID, withSecret{c, c.Secret})
}

func (tx *memoryTx) RemoveChannel(id string) error {
	if _, there := tx.rows["channel"][id]; !there {
		return missing("channel", id)
	}
	delete(tx.table("channel"), id)
	queued, err := tx.QueuedDeliveries()
	for _, d := range queued {
		if d.Channel == id {
			delete(tx.table("delivery"), d.ID)
		}
	}
	return err
}

func (tx *memoryTx) AddDelivery(d portvigil.Delivery) error { return put(tx, "delivery", d.ID, d) }

func (tx *memoryTx) Delivery(id string) (portvigil.Delivery, error) {
	return one[portvigil.Delivery](tx, "delivery", id)
}

func (tx *memoryTx) PutDelivery(d portvigil.Delivery) error { return change(tx, "delivery", d.ID, d) }

func (tx *memoryTx) QueuedDeliveries() ([]portvigil.Delivery, error) {
	return all(tx, "delivery", func(d portvigil.Delivery) bool { return d.State == portvigil.DeliveryQueued })
}

func (tx *memoryTx) AddRequest(r portvigil.LookRequest) error {
	if _, err := tx.HostByID(r.HostID); err != nil {
		return errors.New("a request for a host that is not there")
	}
	return put(tx, "request", r.ID, r)
}

func (tx *memoryTx) Request(id string) (portvigil.LookRequest, error) {
	return one[portvigil.LookRequest](tx, "request", id)
}

func (tx *memoryTx) PutRequest(r portvigil.LookRequest) error { return change(tx, "request", r.ID, r) }

func (tx *memoryTx) WakeRequest(r portvigil.LookRequest) error { return tx.PutRequest(r) }

func (tx *memoryTx) OpenRequests(hostID string) ([]portvigil.LookRequest, error) {
	var list []portvigil.LookRequest
	for _, key := range slices.Sorted(maps.Keys(tx.rows["request"])) {
		text := tx.rows["request"][key]
		if strings.Contains(text, `"state":"done"`) || strings.Contains(text, `"state":"failed"`) {
			continue // most are; reading them would be most of the work
		}
		r, err := tx.Request(key)
		if err != nil {
			return nil, err
		}
		if hostID == "" || r.HostID == hostID {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b portvigil.LookRequest) int { return a.Due.Compare(b.Due) })
	return list, nil
}

func (tx *memoryTx) Setting(key string) (string, error) {
	text, err := one[string](tx, "setting", key)
	if portvigil.ErrorCode(err) == portvigil.CodeNotFound {
		return "", nil
	}
	return text, err
}

func (tx *memoryTx) PutSetting(key, value string) error { return put(tx, "setting", key, value) }
