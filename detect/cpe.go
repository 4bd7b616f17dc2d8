package detect

import "strings"

// cpe writes a CPE 2.3 formatted string for an application (NIST IR 7695,
// section 6.2): part, vendor, product, version, update and six attributes that
// nothing here knows. An empty version means any.
func cpe(vendor, product, version, update string) string {
	return "cpe:2.3:a:" + cpeValue(vendor) + ":" + cpeValue(product) + ":" +
		cpeValue(version) + ":" + cpeValue(update) + ":*:*:*:*:*:*"
}

// cpeValue binds one attribute value: lower case, "*" for any, and a backslash
// before what is neither alphanumeric nor one of "._-". A lone hyphen would say
// "not applicable", so it is escaped too.
func cpeValue(s string) string {
	switch s {
	case "":
		return "*"
	case "-":
		return `\-`
	}
	var b strings.Builder
	for _, c := range []byte(strings.ToLower(s)) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('_') // 5.3.2: a space is written as an underscore
		case '!' <= c && c <= '~':
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String()
}

// maker is how the CPE dictionary writes a product.
type maker struct{ vendor, product string }

// cpes returns the product's CPE names in that version, each maker's.
func cpes(version, update string, makers ...maker) []string {
	var out []string
	for _, m := range makers {
		out = append(out, cpe(m.vendor, m.product, version, update))
	}
	return out
}
