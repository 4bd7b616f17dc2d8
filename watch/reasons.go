package watch

import (
	"slices"
	"strings"

	"github.com/portvigil/portvigil"
)

// reasons are why doors are approved: one for all of them, or one each.
type reasons struct {
	why   string
	each  map[portvigil.Door]string
	owner string
}

// reasonsOf reads what a request says; a door is then named in one way only.
func reasonsOf(q portvigil.ApproveRequest) (reasons, error) {
	r := reasons{why: q.Why, owner: q.Owner, each: map[portvigil.Door]string{}}
	for text, why := range q.Whys {
		door, err := portvigil.ParseDoor(text)
		if err != nil {
			return r, err
		}
		if why != "" {
			r.each[door] = why
		}
	}
	if r.owner == "" || r.why == "" && len(r.each) == 0 {
		return r, portvigil.Errorf(portvigil.CodeInvalid, "an approved door needs a reason and an owner").WithHint("add --why TEXT --owner NAME")
	}
	return r, nil
}

func (r reasons) of(d portvigil.Door) string {
	if why := r.each[d]; why != "" {
		return why
	}
	return r.why
}

// cover refuses doors of which one has no reason.
func (r reasons) cover(doors []portvigil.Door) error {
	for _, d := range doors {
		if r.of(d) == "" {
			return portvigil.Errorf(portvigil.CodeInvalid, "%s has no reason", d).WithHint("say why it is open, or leave it out")
		}
	}
	return nil
}

// mostTold bounds in bytes what a version says of many doors' reasons: each stands
// in its entry.
const mostTold = 500

// together says in one line why the doors are approved.
func (r reasons) together(doors []portvigil.Door) string {
	if len(r.each) == 0 {
		return r.why
	}
	var parts []string
	for _, d := range doors {
		if why := r.of(d); !slices.Contains(parts, why) {
			parts = append(parts, why)
		}
	}
	text := strings.Join(parts, "; ")
	if len(text) > mostTold {
		return strings.ToValidUTF8(text[:mostTold], "") + "…"
	}
	return text
}
