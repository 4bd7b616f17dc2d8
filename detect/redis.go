package detect

import (
	"bytes"
	"strconv"
	"strings"
)

// redisProtocol: RESP (redis.io, "Redis serialization protocol specification").
// "INFO server" only reads, and is understood as an inline command:
//
//	$ length CR LF  # Server CR LF  redis_version:7.0.15 CR LF …
//	-NOAUTH Authentication required. CR LF
//
// A server in protected mode says -DENIED before anything is asked.
func redisProtocol() *protocol {
	return &protocol{
		name: stepRedis, plain: []uint16{6379, 6380, 26379}, secure: []uint16{6380},
		request: func(*visit) []byte { return []byte("INFO server\r\n") },
		limit:   16 << 10,
		whole:   func() func([]byte) bool { return wholeRESP },
		read:    readRedis,
	}
}

// wholeRESP reports whether one reply is complete.
func wholeRESP(b []byte) bool {
	head, rest, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || len(head) == 0 || head[0] != '$' {
		return ok
	}
	n, err := strconv.Atoi(string(head[1:]))
	return err != nil || n < 0 || len(rest) >= n+2
}

// redisErrors are the beginnings of errors that Redis and its kin answer with,
// also to a question that was meant for a web server.
var redisErrors = []string{
	"-NOAUTH Authentication required", "-NOPERM ", "-DENIED ", "-LOADING ",
	"-ERR unknown command", "-ERR wrong number of arguments for 'get' command",
	"-ERR max number of clients reached", "-ERR operation not permitted",
}

func readRedis(b []byte, _ uint16) (reading, bool) {
	if len(b) > 1 && b[0] == '$' {
		return readRedisInfo(b)
	}
	text := firstLine(b)
	for _, begin := range redisErrors {
		if !strings.HasPrefix(text, begin) {
			continue
		}
		r := named(stepRedis, "redis: error "+strings.TrimSpace(begin))
		// Others speak its protocol with the same errors, but not with its name.
		if strings.HasPrefix(text, "-DENIED Redis is running in protected mode") {
			r.service.Product, r.service.Confidence = "Redis", sureByWording
			r.service.CPE = cpes("", "", maker{"redis", "redis"})
		}
		return r, true
	}
	return reading{}, false
}

// redisKin are the fields in which each server of the protocol tells its own
// version, the more particular before redis_version, which all have.
var redisKin = []struct {
	field, product string
	makers         []maker
}{
	{"valkey_version", "Valkey", []maker{{"lfprojects", "valkey"}}},
	{"dragonfly_version", "Dragonfly", nil},
	{"kvrocks_version", "Apache Kvrocks", []maker{{"apache", "kvrocks"}}},
	{"redis_version", "Redis", []maker{{"redis", "redis"}}},
}

// readRedisInfo reads the lines "field:value" of INFO's section "Server".
func readRedisInfo(b []byte) (reading, bool) {
	_, body, ok := bytes.Cut(b, []byte("\r\n"))
	if !ok || !bytes.HasPrefix(body, []byte("# Server")) {
		return reading{}, false
	}
	fields := make(map[string]string)
	for text := range strings.SplitSeq(string(body), "\r\n") {
		if name, value, ok := strings.Cut(text, ":"); ok && len(fields) < 100 {
			fields[name] = value
		}
	}
	r := named(stepRedis, "redis: INFO")
	for _, kin := range redisKin {
		number := version(strings.TrimPrefix(fields[kin.field], "df-v"))
		if number == "" {
			continue
		}
		if kin.product == "Redis" && strings.Contains(fields["executable"], "keydb") {
			return r, true // KeyDB says so nowhere else; its version is not Redis's
		}
		r.rule = "redis: INFO's " + kin.field
		r.service.Product, r.service.Version, r.service.Confidence = kin.product, number, sureByStructure
		r.service.CPE = cpes(number, "", kin.makers...)
		break
	}
	return r, true
}
