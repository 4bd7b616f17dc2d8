// Package store answers: what is on disk, and what has still to be done?
//
//	 Update(func(tx))                                  Work(workers)
//	      │ one at a time; those who wait share a flush     │
//	      ▼                                                 ▼
//	┌───────────── portvigil.db, or PostgreSQL ───────────────────┐
//	│ hosts looks trails alerts audit    deliveries ──┐           │
//	│ baselines channels settings        requests  ───┴─> jobs ───┼─> Deliver, Look
//	└──────▲──────────────────────────────────────────────────────┘
//	       │ many readers, each a consistent snapshot
//	 View(func(tx))
//
// It promises: what Update did is on disk when it returns nil (write-ahead log,
// synchronous=FULL) and leaves no trace when it returns an error, on PostgreSQL
// also where the connection is lost in the middle of a commit. Updates that wait
// for each other share a transaction, and one that fails is undone alone. A delivery and
// a look request are rows; the job that wakes a worker is written in the same
// transaction, a bell wakes the workers when it is committed, and rows without a
// job get one when Work starts, so that a crash loses nothing. One process at a time has a data folder, and a database. The
// secrets of channels and of second factors are sealed under a key file in the data folder. An older SQLite
// database is backed up before it is migrated. What a look saw is stored once for
// all looks at the host that saw the same (sights.go), and a look comes back as it
// went. Looks that are rolled up (rollup.go) change no answer about the past.
//
// It refuses: a database of a newer version, another program's database, a
// second process, a key file that does not belong to the database. It concludes
// nothing: what a row means is said by the rooms that write it.
//
// Begin with Open in open.go and Store.Update in update.go; hosts.go, looks.go,
// alerts.go and so on are one file a noun; work.go runs the jobs; engine.go is
// what the two databases do differently.
package store
