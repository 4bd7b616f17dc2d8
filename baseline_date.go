package portvigil

import "time"

// Date is a day of the calendar, as a person writes it; the zero value is no
// day. Days are compared in UTC.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads 2027-06-30 (RFC 3339's full-date).
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, Errorf(CodeInvalid, "%q is not a date", s).WithHint("write it as 2027-06-30")
	}
	return DateOf(t), nil
}

// DateOf returns the day of t in UTC.
func DateOf(t time.Time) Date {
	y, m, d := t.UTC().Date()
	return Date{y, m, d}
}

// IsZero reports whether there is no day.
func (d Date) IsZero() bool { return d == Date{} }

// End returns the first instant after the day, in UTC.
func (d Date) End() time.Time { return time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, time.UTC) }

// String writes 2027-06-30, and "" for no day.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
}

// MarshalText writes String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Date) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	*d, err = ParseDate(string(text))
	return err
}
