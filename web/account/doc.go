// Package account answers: who is this, and what may they do?
//
//	person   name, password ──> limit ──> Argon2id ─┬> User    a session on the pages
//	                                                └> Half ──> limit ──> code ──> User
//	program  pv_…           ──> limit ──> SHA-256  ──> Token   read, write or admin
//
// It promises: a password is kept as Argon2id with its salt and its cost
// (RFC 9106), a token's secret as its SHA-256; both are compared in constant
// time, and a name that nobody has takes as long as a wrong password. Sign-ins
// take memory one after the other, however many come at a time. Who guesses
// waits longer and longer, for each account and for each source, at passwords and
// codes alike; who was let in from a source before is not held up by what others
// try. A code of a second factor (RFC 6238) is taken once, half a minute early or
// late; recovery codes are kept as their SHA-256, and each is taken once.
//
// It refuses: short passwords, names that differ only in case, expired tokens,
// and a sign-in that waits too long for its turn.
//
// Begin with Keeper in keeper.go; password.go is the hash, limit.go the delays,
// factor.go the second factor and code.go its codes.
package account
