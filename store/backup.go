package store

import "context"

// Backup writes a consistent copy of the database to the path, which is
// replaced at once when the copy is on disk. Readers and the writer go on
// meanwhile. The key file is not in it: keep a copy of that elsewhere. A
// PostgreSQL database is refused: its own tools copy it.
func (s *Store) Backup(ctx context.Context, path string) error {
	return s.failure(s.engine.backup(ctx, path))
}
