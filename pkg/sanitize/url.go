package sanitize

import "strings"

const (
	// redacted replaces the user and the password of a URL.
	redacted = "***"
	// maxUserinfo limits the text after "://" that is searched, in bytes.
	maxUserinfo = 4096

	endsURL       = " \t\r\n\f\v\"<>"
	endsAuthority = "/?#" + endsURL
)

// URLs replaces the user and the password of each URL in a text, for instance of an endpoint in an error. A user name
// is replaced too, because some proxies expect a token in its place.
func URLs(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, "://")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		b.WriteString("://")
		text = after
		if n := userinfo(upTo(after[:min(len(after), maxUserinfo)], endsURL)); n >= 0 && before != "" {
			b.WriteString(redacted)
			text = after[n:]
		}
	}
}

// userinfo returns the length of the user and password at the begin of a URL without its scheme, or -1 if there are
// none.
func userinfo(url string) int {
	authority := upTo(url, endsAuthority)
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return at
	}
	// A password may contain a slash or another character that must be encoded: then what follows the colon is not a
	// port, and the host is not an IPv6 address.
	user, rest, found := strings.Cut(authority, ":")
	if !found || strings.Contains(user, "[") || strings.Trim(rest, "0123456789") == "" {
		return -1
	}
	return strings.LastIndexByte(url, '@')
}

// upTo returns the text before the first of these characters.
func upTo(text, end string) string {
	if i := strings.IndexAny(text, end); i >= 0 {
		return text[:i]
	}
	return text
}
