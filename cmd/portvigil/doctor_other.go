//go:build !linux

package main

// seesOwners: capabilities are Linux's.
func seesOwners() bool { return false }
