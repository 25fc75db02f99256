package sanitize

import (
	"net/url"
	"strings"
)

// URL returns the URL without the password, and without the user if there is one. A text that is not a URL with user
// information is returned as it is.
func URL(s string) string {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		return s
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return s
	}
	return scheme + "://xxxxx@" + rest[at+1:]
}

// HasPassword reports whether the URL contains user information.
func HasPassword(s string) bool {
	u, err := url.Parse(s)
	return URL(s) != s || err == nil && u.User != nil
}
