package sanitize

import (
	"net/url"
	"testing"
)

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

// FuzzURL checks that no user information remains before the host.
func FuzzURL(f *testing.F) {
	f.Add("http://user:secret@proxy:3128/path@x")
	f.Add("a://b://c@d@e")
	f.Fuzz(func(t *testing.T, s string) {
		got := URL(s)
		if URL(got) != got {
			t.Errorf("URL(%q) = %q, and again %q", s, got, URL(got))
		}
		if u, err := url.Parse(got); err == nil && u.Host != "" {
			if password, set := u.User.Password(); set {
				t.Errorf("URL(%q) = %q, which has the password %q", s, got, password)
			}
		}
	})
}
