package sanitize

import (
	"regexp"
	"strings"
)

// redacted replaces the user and the password of a URL.
const redacted = "***"

// userinfo matches the user and password of a URL. The first form is that of a valid URL. The second one is a password
// that contains a slash or another character that must be encoded: the text after the colon is not a port.
var userinfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)` +
	`(?:[^\s/?#"<>]*|[^\s/?#"<>@:\[]*:[0-9]*[^\s/?#"<>@0-9][^\s"<>]*)@`)

// URLs replaces the user and the password of each URL in a text, for instance of an endpoint in an error. A user name
// is replaced too, because some proxies expect a token in its place.
func URLs(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return userinfo.ReplaceAllString(text, "${1}"+redacted+"@")
}
