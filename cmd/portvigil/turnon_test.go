package main

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/rogpeppe/go-internal/testscript"
)

// turnOn signs a user in on the pages, as a browser does, and turns the second
// factor on: turnon PORT NAME PASSWORDFILE.
func turnOn(ts *testscript.TestScript, _ bool, args []string) {
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	browser := &http.Client{Jar: jar, Timeout: time.Minute}
	password := strings.TrimSuffix(ts.ReadFile(args[2]), "\n")
	fill := func(path string, pairs url.Values) string {
		answer, err := browser.PostForm("http://127.0.0.1:"+args[0]+path, pairs)
		ts.Check(err)
		page, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		ts.Check(err)
		if answer.StatusCode != http.StatusOK {
			ts.Fatalf("%s answered %s: %s", path, answer.Status, page)
		}
		return string(page)
	}
	fill("/sign-in", url.Values{"name": {args[1]}, "password": {password}, "next": {"/account"}})
	page := fill("/account/factor", url.Values{"password": {password}})
	secret := regexp.MustCompile(`<code>([A-Z2-7]{4}(?: [A-Z2-7]{4}){7})</code>`).FindStringSubmatch(page)
	if secret == nil {
		ts.Fatalf("no secret is shown: %s", page)
	}
	code, err := totp.GenerateCode(strings.ReplaceAll(secret[1], " ", ""), time.Now())
	ts.Check(err)
	fill("/account/factor/confirm", url.Values{"code": {code}})
}
