//go:build !linux

package main

// seesOwners: capabilities are Linux's.
func seesOwners() bool { return false }

// landlockVersion: nor has another system Landlock.
func landlockVersion() int { return 0 }
