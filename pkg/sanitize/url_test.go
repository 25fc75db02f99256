package sanitize

import "testing"

func TestURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://eks.us-west-2.amazonaws.com":  "https://eks.us-west-2.amazonaws.com",
		"http://user:secret@proxy:3128/path@x": "http://xxxxx@proxy:3128/path@x",
		"http://user:se@cret@proxy":            "http://xxxxx@proxy",
		"http://token@proxy?a=b@c":             "http://xxxxx@proxy?a=b@c",
		"http://user:%zz@proxy":                "http://xxxxx@proxy",
		"not a URL: a@b":                       "not a URL: a@b",
		"":                                     "",
	} {
		if got := URL(in); got != want {
			t.Errorf("URL(%q) = %q, want %q", in, got, want)
		}
		if got := HasPassword(in); got != (in != want) {
			t.Errorf("HasPassword(%q) = %t, want %t", in, got, in != want)
		}
	}
}
