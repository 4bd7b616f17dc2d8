package main

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/portvigil/portvigil/store"
	"github.com/portvigil/portvigil/web"
)

// backupPath is where the server's socket gives its backup. It is no part of the
// API that may be asked over the network: whoever has a backup has everything.
const backupPath = "/v1/backup"

// withBackup answers backupPath, and hands all else on.
func withBackup(next http.Handler, s *store.Store, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", next)
	mux.HandleFunc("POST "+backupPath, func(w http.ResponseWriter, r *http.Request) {
		out := &begunWriter{ResponseWriter: w}
		err := s.Backup(r.Context(), out, r.URL.Query().Get("key") != "")
		if err == nil || r.Context().Err() != nil {
			return
		}
		log.Error("backup not made", "err", err)
		if out.begun {
			panic(http.ErrAbortHandler) // cut off, so that nobody takes it for whole
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(web.Describe(err)) // who does not read it has gone
	})
	return mux
}

// begunWriter notes that a part of the answer is written.
type begunWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *begunWriter) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}
