package store

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/portvigil/portvigil"
	"github.com/portvigil/portvigil/lab"
)

// first is what a program of before the second migration left behind: it ran on
// either database, and testdata has what it wrote there with the key file beside
// it. sqlite3's .dump and pg_dump wrote it down.
type first struct {
	// there makes a data folder that holds it anew; url is "" for SQLite in the folder.
	there func(t *testing.T) (dir, url string)
	saved string // the copy that is kept of it in the folder
	// back opens what the copy of a folder brings back.
	back func(t *testing.T, saved, dir string) *Store
}

func firstSQLite() first {
	return first{saved: databaseFile + ".bak-1", back: backFromFile, there: func(t *testing.T) (dir, url string) {
		dir = firstFolder(t, "sqlite")
		db, err := sql.Open("sqlite", dataSource(filepath.Join(dir, databaseFile), nil))
		if err == nil {
			_, err = db.ExecContext(t.Context(), firstFile(t, "sqlite.sql"))
		}
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		return dir, ""
	}}
}

func firstPostgreSQL(server *lab.Postgres) first {
	return first{saved: "postgres.bak-1", back: backFromBackup, there: func(t *testing.T) (dir, url string) {
		url = server.Database(t, "")
		server.SQL(t, nameIn(t, url), firstFile(t, "postgres.sql"))
		return firstFolder(t, "postgres"), url
	}}
}

// backFromFile puts the copy in the place of the database.
func backFromFile(t *testing.T, saved, from string) *Store {
	t.Helper()
	dir := t.TempDir()
	for name, path := range map[string]string{databaseFile: saved, keyFile: filepath.Join(from, keyFile)} {
		data, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return openIn(t, dir)
}

// backFromBackup restores the copy, which is a backup, into a new folder.
func backFromBackup(t *testing.T, saved, from string) *Store {
	t.Helper()
	dir := t.TempDir()
	data, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(filepath.Join(from, keyFile))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, keyFile), key, 0o600)
	}
	if err == nil {
		_, err = Restore(t.Context(), dir, bytes.NewReader(data), RestoreOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	return openIn(t, dir)
}

func firstFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "first."+name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// firstFolder is a data folder with the key file only.
func firstFolder(t *testing.T, kind string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte(firstFile(t, kind+".key")), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// contents are the rows of a database by noun and key, each as the JSON that it
// is stored as says it.
type contents map[string]map[string]any

func (c contents) put(noun, key string, text []byte) error {
	if c[noun] == nil {
		c[noun] = map[string]any{}
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("%s %s: %w", noun, key, err)
	}
	c[noun][key] = v
	return nil
}

func (c contents) encoded(noun, key string, v any) error {
	text, err := encode(v)
	return errors.Join(err, c.put(noun, key, []byte(text)))
}

// firstQueries are the keys and bodies in the first migration's tables.
var firstQueries = map[string]string{
	"host":     `SELECT id, body FROM hosts`,
	"scope":    `SELECT prefix, body FROM scope_rules`,
	"look":     `SELECT id, body FROM looks`,
	"trail":    `SELECT view || ' ' || vantage || ' ' || address || ' ' || proto, body FROM trails`,
	"alert":    `SELECT id, body FROM alerts`,
	"memory":   `SELECT id, memory FROM alerts`,
	"audit":    `SELECT id, body FROM audit`,
	"baseline": `SELECT kind || ' ' || name || ' ' || version, body FROM baselines`,
	"channel":  `SELECT id, body FROM channels`,
	"delivery": `SELECT id, body FROM deliveries`,
	"request":  `SELECT id, body FROM requests`,
	"setting":  `SELECT key, '"' || value || '"' FROM settings`,
}

// firstContents reads a database that nobody has migrated.
func firstContents(t *testing.T, dir, url string) contents {
	t.Helper()
	s, err := closedStore(dir, Options{Database: url})
	if err == nil {
		_, err = s.engine.open(t.Context(), s)
	}
	c := contents{}
	for noun, query := range firstQueries {
		err = errors.Join(err, s.View(t.Context(), func(tx *Tx) error {
			return tx.each(func(row *sql.Rows) error {
				var key, body string
				return errors.Join(row.Scan(&key, &body), c.put(noun, key, []byte(body)))
			}, query)
		}))
	}
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	return c
}

// contentsNow is what the store has of the nouns and keys of before, and of all
// that it lists.
func contentsNow(t *testing.T, s *Store, before contents) contents {
	t.Helper()
	c := contents{}
	view(t, s, func(tx *Tx) error {
		err := errors.Join(c.ofHosts(tx), c.ofAlerts(tx), c.ofPeople(tx))
		for id := range before["delivery"] {
			d, err2 := tx.Delivery(id)
			err = errors.Join(err, err2, c.encoded("delivery", id, d))
		}
		for id := range before["request"] {
			r, err2 := tx.Request(id)
			err = errors.Join(err, err2, c.encoded("request", id, r))
		}
		for key := range before["setting"] {
			v, err2 := tx.Setting(key)
			err = errors.Join(err, err2, c.encoded("setting", key, v))
		}
		return err
	})
	return c
}

func (c contents) ofHosts(tx *Tx) error {
	hosts, err := tx.Hosts()
	for _, h := range hosts {
		trails, err2 := tx.Trails(h.ID)
		err = errors.Join(err, err2, c.encoded("host", h.ID, h))
		for _, trail := range trails {
			k := seriesOf(trail.Key)
			looks, err2 := tx.Looks(h.ID, trail.Key)
			err = errors.Join(err, err2, c.encoded("trail", k.view+" "+k.vantage+" "+k.address+" "+k.proto, trail))
			for _, l := range looks {
				err = errors.Join(err, c.encoded("look", l.ID, asFirst(l)))
			}
		}
	}
	return err
}

func (c contents) ofAlerts(tx *Tx) error {
	alerts, err := tx.Alerts(false)
	for _, a := range alerts {
		story, err2 := tx.Audit(a.ID)
		err = errors.Join(err, err2, c.encoded("alert", a.ID, a), c.encoded("memory", a.ID, a.Memory))
		for _, e := range story {
			err = errors.Join(err, c.encoded("audit", e.ID, e))
		}
	}
	return err
}

func (c contents) ofPeople(tx *Tx) error {
	scope, err := tx.Scope()
	for _, r := range scope {
		err = errors.Join(err, c.encoded("scope", r.Prefix.String(), r))
	}
	channels, err2 := tx.Channels()
	for _, ch := range channels {
		err = errors.Join(err, c.encoded("channel", ch.ID, ch))
	}
	newest, err3 := tx.Baselines()
	for _, b := range newest {
		versions, err4 := tx.BaselineVersions(b.Kind, b.Name)
		err = errors.Join(err, err4)
		for _, v := range versions {
			err = errors.Join(err, c.encoded("baseline", fmt.Sprintf("%s %s %d", v.Kind, v.Name, v.Version), v))
		}
	}
	return errors.Join(err, err2, err3)
}

// firstLook is a look's body as the first version wrote it. It is never changed:
// rows that old have to be read for good.
type firstLook struct {
	ID              string                  `json:"id"`
	Run             string                  `json:"run,omitempty"`
	Host            string                  `json:"host"`
	View            portvigil.View          `json:"view"`
	Vantage         string                  `json:"vantage,omitempty"`
	Reach           portvigil.Reach         `json:"reach,omitempty"`
	Address         netip.Addr              `json:"address,omitzero"`
	Proto           portvigil.Proto         `json:"proto,omitempty"`
	Ports           *portvigil.PortSet      `json:"ports,omitempty"`
	Covers          []portvigil.Coverage    `json:"covers,omitzero"`
	Method          portvigil.Method        `json:"method,omitempty"`
	Seq             uint64                  `json:"seq"`
	Started         int64                   `json:"started"`
	Ended           int64                   `json:"ended"`
	Received        int64                   `json:"received"`
	Complete        bool                    `json:"complete"`
	MissProbability *float64                `json:"miss_probability,omitempty"`
	Loss            *portvigil.Loss         `json:"loss,omitempty"`
	Probes          int                     `json:"probes,omitempty"`
	DefaultState    portvigil.PortState     `json:"default_state,omitempty"`
	Observations    []portvigil.Observation `json:"observations,omitzero"`
	Listeners       []portvigil.Listener    `json:"listeners,omitzero"`
	Notes           []string                `json:"notes,omitzero"`
	OwnAddress      bool                    `json:"own_address,omitempty"`
}

func asFirst(l *portvigil.Look) firstLook {
	return firstLook{ID: l.ID, Run: l.Run, Host: l.Host, View: l.View, Vantage: l.Vantage, Reach: l.Reach,
		Address: l.Address, Proto: l.Proto, Ports: l.Ports, Covers: l.Covers, Method: l.Method, Seq: l.Seq,
		Started: micros(l.Started), Ended: micros(l.Ended), Received: micros(l.Received),
		Complete: l.Complete, MissProbability: l.MissProbability, Loss: l.Loss, Probes: l.Probes,
		DefaultState: l.DefaultState, Observations: l.Observations, Listeners: l.Listeners,
		Notes: l.Notes, OwnAddress: l.OwnAddress}
}
