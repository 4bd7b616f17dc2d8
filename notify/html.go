package notify

import (
	"html/template"
	"strings"
)

// page is the HTML side of a mail. It loads nothing, runs nothing, and its style
// is inline, because mail clients drop everything else; html/template escapes
// each value for where it stands.
var page = template.Must(template.New("mail").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Subject}}</title>
</head>
<body style="margin:0;padding:16px;font-family:sans-serif;font-size:15px;line-height:1.4;color:#1a1a1a;background:#ffffff">
<h1 style="margin:0 0 12px;font-size:19px">{{.Headline}}</h1>
{{- with .Text}}
<p style="margin:0 0 12px">{{.}}</p>
{{- end}}
<table style="border-collapse:collapse;margin:0 0 12px">
{{- range .Facts}}
<tr><th scope="row" style="padding:3px 12px 3px 0;text-align:left;vertical-align:top;white-space:nowrap">{{.Label}}</th><td style="padding:3px 0;overflow-wrap:anywhere">{{.Value}}</td></tr>
{{- end}}
</table>
{{- if .Doors}}
<ul style="margin:0 0 12px;padding-left:20px">
{{- range .Doors}}
<li style="overflow-wrap:anywhere">{{.}}</li>
{{- end}}
{{- with .More}}
<li>and {{.}} more</li>
{{- end}}
</ul>
{{- end}}
{{- with .Why}}
<p style="margin:0 0 12px"><strong>Why it matters:</strong> {{.}}</p>
{{- end}}
{{- with .Do}}
<p style="margin:0 0 12px"><strong>What to do:</strong> {{.}}</p>
{{- end}}
{{- range .Steps}}
<p style="margin:0 0 4px">{{.For}}:</p>
<pre style="margin:0 0 12px;padding:8px;background:#f2f2f2;white-space:pre-wrap;overflow-wrap:anywhere">{{.Command}}</pre>
{{- end}}
{{- with .Link}}
<p style="margin:0"><a href="{{.}}">Open the alert</a></p>
{{- end}}
</body>
</html>
`))

// htmlOf returns the message as an HTML page.
func htmlOf(m Message) (string, error) {
	var b strings.Builder
	err := page.Execute(&b, contentOf(m))
	return b.String(), err
}
