// Package watch answers: what has changed on the hosts, and who has to hear of it?
//
//	request ──> look ──> store ──> trail ──> join ──> reconcile ──> alerts
//	   ^                                                   │           │
//	   └────────── second sights, "is it shut?" ───────────┘      deliveries
//
// The engine keeps the schedule, has the views look, stores each look before
// anything is concluded from it, and lets the pure rules at the module root
// judge. Everything that follows from one look, from an edit of the baseline or
// from a person's decision is written in one transaction: the alert, its audit
// trail, the deliveries that tell of it, and the looks that it asks for.
//
// It refuses to scan what is out of scope, and to conclude anything from a look
// that it could not store. Begin reading in engine.go, then evaluate.go and plan.go.
package watch
