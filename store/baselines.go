package store

import (
	"fmt"

	"github.com/portvigil/portvigil"
)

// newest narrows a query to the newest version of each document.
const newest = `version = (SELECT max(n.version) FROM baselines n WHERE n.org = b.org AND n.kind = b.kind AND n.name = b.name)`

// Baseline returns the newest version of a document; kind is "host" or "group".
func (t *Tx) Baseline(kind, name string) (portvigil.BaselineVersion, error) {
	return record[portvigil.BaselineVersion](t, "baselines", "baseline of "+kind, name,
		`SELECT name, body FROM baselines b WHERE org = ? AND kind = ? AND name = ? AND `+newest, org, kind, name)
}

// Baselines returns the newest version of each document, hosts first, by name.
func (t *Tx) Baselines() ([]portvigil.BaselineVersion, error) {
	return records[portvigil.BaselineVersion](t, "baselines",
		`SELECT name, body FROM baselines b WHERE org = ? AND `+newest+` ORDER BY CASE kind WHEN 'host' THEN 0 ELSE 1 END, kind, name`, org)
}

// BaselinesFor returns the newest version of a host's document and of each group's,
// the host's first, then by name.
func (t *Tx) BaselinesFor(host string) ([]portvigil.BaselineVersion, error) {
	const which = `SELECT name, body FROM baselines b WHERE org = ? AND kind = `
	own, err := records[portvigil.BaselineVersion](t, "baselines", which+`'host' AND name = ? AND `+newest, org, host)
	if err != nil {
		return nil, err
	}
	groups, err := records[portvigil.BaselineVersion](t, "baselines", which+`'group' AND `+newest+` ORDER BY name`, org)
	return append(own, groups...), err
}

// BaselineVersions returns every version of a document, the oldest first.
func (t *Tx) BaselineVersions(kind, name string) ([]portvigil.BaselineVersion, error) {
	return records[portvigil.BaselineVersion](t, "baselines",
		`SELECT name, body FROM baselines WHERE org = ? AND kind = ? AND name = ? ORDER BY version`, org, kind, name)
}

// AddBaseline adds the version after the newest; CodeConflict where v.Version
// is not that.
func (t *Tx) AddBaseline(v portvigil.BaselineVersion) error {
	var current int
	err := t.row(`SELECT coalesce(max(version), 0) FROM baselines WHERE org = ? AND kind = ? AND name = ?`,
		org, v.Kind, v.Name).Scan(&current)
	if err != nil {
		return err
	}
	if v.Version != current+1 {
		return portvigil.Errorf(portvigil.CodeConflict, "the baseline of %s %s has been changed meanwhile: it is at version %d",
			v.Kind, portvigil.Printable(v.Name), current).WithHint("read it again and repeat the change")
	}
	body, err := encode(v)
	if err != nil {
		return fmt.Errorf("store baseline %s: %w", v.Name, err)
	}
	return t.put("baseline", v.Name, `INSERT INTO baselines (org, kind, name, version, body) VALUES (?, ?, ?, ?, ?)`,
		org, v.Kind, v.Name, v.Version, body)
}
