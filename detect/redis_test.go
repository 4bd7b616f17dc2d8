package detect

import (
	"strconv"
	"testing"

	"github.com/portvigil/portvigil"
)

// bulk is the answer to INFO server.
func bulk(text string) string { return "$" + strconv.Itoa(len(text)) + "\r\n" + text + "\r\n" }

func TestRedis(t *testing.T) {
	t.Parallel()
	unknown := portvigil.Service{Name: "redis", Confidence: sureOfProtocol}
	checkExamples(t, []example{
		{name: "Redis 7.0 of Debian", answer: bulk("# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nredis_mode:standalone\r\nexecutable:/usr/bin/redis-server\r\n"),
			want: portvigil.Service{Name: "redis", Product: "Redis", Version: "7.0.15", CPE: []string{"cpe:2.3:a:redis:redis:7.0.15:*:*:*:*:*:*:*"}, Confidence: sureByStructure}},
		{name: "Valkey also has Redis's version", answer: bulk("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n"),
			want: portvigil.Service{Name: "redis", Product: "Valkey", Version: "8.0.1", CPE: []string{"cpe:2.3:a:lfprojects:valkey:8.0.1:*:*:*:*:*:*:*"}, Confidence: sureByStructure}},
		{name: "Dragonfly", answer: bulk("# Server\r\nredis_version:7.4.0\r\ndragonfly_version:df-v1.21.2\r\n"),
			want: portvigil.Service{Name: "redis", Product: "Dragonfly", Version: "1.21.2", Confidence: sureByStructure}},
		{name: "KeyDB's version is not Redis's", answer: bulk("# Server\r\nredis_version:6.3.4\r\nexecutable:/opt/keydb-server\r\n"), want: unknown},
		{name: "protected mode names Redis", answer: "-DENIED Redis is running in protected mode because protected mode is enabled\r\n",
			want: portvigil.Service{Name: "redis", Product: "Redis", CPE: []string{"cpe:2.3:a:redis:redis:*:*:*:*:*:*:*:*"}, Confidence: sureByWording}},
		{name: "a password is asked for by all of its kin", answer: "-NOAUTH Authentication required.\r\n", want: unknown},
		{name: "the answer to a web request", answer: "-ERR wrong number of arguments for 'get' command\r\n", want: unknown},
		{name: "terminal codes are no version", answer: bulk("# Server\r\nredis_version:\x1b[31m7\r\n"), want: unknown},
		{name: "an error of POP3 is none of Redis's", answer: "-ERR go away\r\n", want: portvigil.Service{}},
	})
}
