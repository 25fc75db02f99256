package fakeaws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	amzDate    = "20060102T150405Z"
	clockSkew  = 5 * time.Minute
	presignMax = 15 * time.Minute
)

// credential is the SigV4 signature of a request, from its header or its query.
type credential struct {
	accessKey, date, region, service string
	signedHeaders                    []string
	signature, token                 string
	when                             string // X-Amz-Date
	presigned                        bool
}

// credentialOf reads the Authorization header or the presigned query. It returns the zero
// value for an unsigned request.
func credentialOf(r *http.Request) credential {
	var c credential
	query := r.URL.Query()
	fields := map[string]string{}
	if value, ok := strings.CutPrefix(r.Header.Get("Authorization"), algorithm); ok {
		for field := range strings.SplitSeq(value, ",") {
			name, v, _ := strings.Cut(strings.TrimSpace(field), "=")
			fields[name] = v
		}
		c.when, c.token = r.Header.Get("X-Amz-Date"), r.Header.Get("X-Amz-Security-Token")
	} else if query.Get("X-Amz-Algorithm") == algorithm {
		for _, name := range []string{"Credential", "SignedHeaders", "Signature"} {
			fields[name] = query.Get("X-Amz-" + name)
		}
		c.presigned = true
		c.when, c.token = query.Get("X-Amz-Date"), query.Get("X-Amz-Security-Token")
	}
	if scope := strings.Split(fields["Credential"], "/"); len(scope) == 5 && scope[4] == "aws4_request" {
		c.accessKey, c.date, c.region, c.service = scope[0], scope[1], scope[2], scope[3]
		c.signedHeaders = strings.Split(fields["SignedHeaders"], ";")
		c.signature = fields["Signature"]
	}
	return c
}

// signedBy reports whether the secret gives the signature of the request. It covers only the
// headers that the client signed; "host" must be one of them.
func (c credential) signedBy(secret string, r *http.Request, body []byte) bool {
	if !slices.Contains(c.signedHeaders, "host") || !strings.HasPrefix(c.when, c.date) {
		return false
	}
	toSign := strings.Join([]string{
		algorithm, c.when, strings.Join([]string{c.date, c.region, c.service, "aws4_request"}, "/"),
		hexSum([]byte(c.canonical(r, body))),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{c.date, c.region, c.service, "aws4_request"} {
		key = mac(key, part)
	}
	return hmac.Equal([]byte(hex.EncodeToString(mac(key, toSign))), []byte(c.signature))
}

// canonical returns the canonical request of SigV4 for services other than S3: the escaped
// path is escaped again.
func (c credential) canonical(r *http.Request, body []byte) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n")
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	b.WriteString(awsEscape(path, true) + "\n")
	b.WriteString(canonicalQuery(r.URL.RawQuery) + "\n")
	for _, name := range c.signedHeaders {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(c.signedHeaders, ";") + "\n" + hexSum(body))
	return b.String()
}

func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}

func canonicalQuery(raw string) string {
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil || name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, awsEscape(name, false)+"="+awsEscape(value, false))
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// awsEscape escapes all except the unreserved characters of RFC 3986.
func awsEscape(s string, keepSlash bool) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '-', c == '.', c == '_', c == '~', keepSlash && c == '/':
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upper[c>>4], upper[c&15]})
		}
	}
	return b.String()
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
