package web

import (
	"net/http"

	"github.com/portvigil/portvigil"
)

func (a *api) review(r *http.Request) (portvigil.Agenda, error) {
	return a.engine.Agenda(r.Context())
}

func (a *api) decideReview(r *http.Request, q portvigil.ReviewRequest) (portvigil.BaselineVersion, error) {
	return a.engine.Decide(r.Context(), by(r), q)
}

func (a *api) signReview(r *http.Request, s portvigil.ReviewSignature) (portvigil.Review, error) {
	return a.engine.SignReview(r.Context(), by(r), s)
}

func (a *api) reviews(r *http.Request) ([]portvigil.Review, error) {
	return listed(a.engine.Reviews(r.Context()))
}
