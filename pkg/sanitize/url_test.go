package sanitize

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestURLs(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"http://127.0.0.1:4566":      "http://127.0.0.1:4566",
		"http://user:pass@host:80/x": "http://***@host:80/x",
		"https://token@host":         "https://***@host",
		"http://:pass@host":          "http://***@host",
		"http://u:p@ss@host/":        "http://***@host/",
		"http://u:p/w@host":          "http://***@host",
		"http://u:p#w?x@host":        "http://***@host",
		"http://u:p'w@host":          "http://***@host",
		"http://u:p%40w@host":        "http://***@host",
		"http://***@host":            "http://***@host",
		`Get "http://u:p@host/": EOF; via socks5://a:b@proxy`: `Get "http://***@host/": EOF; via socks5://***@proxy`,
		"https://proxy.golang.org:8080/x/@v/list":             "https://proxy.golang.org:8080/x/@v/list",
		"http://[::1]:8080/a@b":                               "http://[::1]:8080/a@b",
		"https://host/path and me@example.com":                "https://host/path and me@example.com",
		"arn:aws:iam::111122223333:user/a@b":                  "arn:aws:iam::111122223333:user/a@b",
		`{"url":"http://h","mail":"a@b"}`:                     `{"url":"http://h","mail":"a@b"}`,
	} {
		if got := URLs(in); got != want {
			t.Errorf("URLs(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzURLs checks that JSON stays JSON, that URLs is idempotent, and that no password of a valid URL is left.
func FuzzURLs(f *testing.F) {
	f.Add("http://", "p@ss", "h")
	f.Fuzz(func(t *testing.T, before, password, after string) {
		raw, err := json.Marshal(before + "://u:p@h" + after)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid([]byte(URLs(string(raw)))) {
			t.Errorf("URLs(%s) = %s, want valid JSON", raw, URLs(string(raw)))
		}
		in := before + " http://user:secret-" + password + "@host " + after
		got := URLs(in)
		if again := URLs(got); again != got {
			t.Errorf("URLs(URLs(%q)) = %q, want %q", in, again, got)
		}
		plain := !strings.ContainsAny(password, "\"<> \t\n\f\r\v") && !strings.Contains(before+after, "secret-")
		if plain && strings.Contains(got, "secret-") {
			t.Errorf("URLs(%q) = %q, want no password", in, got)
		}
	})
}
