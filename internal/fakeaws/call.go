package fakeaws

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// call is one parsed request.
type call struct {
	http       *http.Request
	body       []byte
	credential credential
	// service and region are from the credential scope of the signature, because all
	// services share one host.
	service, region, operation string
	// cluster and keyID are the resource in the request; empty if it has none.
	cluster, keyID string
	path           map[string]string // EKS path labels
	form           url.Values        // query protocol
	caller         *Principal        // nil until authenticated
}

// maxBody is in bytes, far above the limit of any of the services.
const maxBody = 8 << 20

// parse returns the service, region and operation of a request.
func parse(r *http.Request) (*call, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, err
	}
	c := &call{http: r, body: body, credential: credentialOf(r)}
	c.service, c.region = c.credential.service, c.credential.region
	target := r.Header.Get("X-Amz-Target")
	switch {
	case target != "":
		prefix, op, _ := strings.Cut(target, ".")
		c.operation = op
		if c.service == "" && prefix == "TrentService" {
			c.service = "kms"
		}
		c.keyID = keyNamed(body)
	case c.isForm():
		c.form = r.URL.Query()
		if posted, err := url.ParseQuery(string(body)); err == nil && r.Method == http.MethodPost {
			c.form = posted
		}
		c.operation = c.form.Get("Action")
		if c.service == "" {
			c.service = "sts" // the only service that accepts unsigned calls
		}
	default:
		c.operation, c.path = route(r.Method, r.URL.EscapedPath())
		c.cluster = c.path["name"]
		if c.service == "" {
			c.service = "eks"
		}
	}
	return c, nil
}

func (c *call) isForm() bool {
	return strings.HasPrefix(c.http.Header.Get("Content-Type"), "application/x-www-form-urlencoded") ||
		c.http.URL.Query().Has("Action")
}

// decode reads the JSON body into v.
func (c *call) decode(v any) *apiError {
	if len(c.body) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return &apiError{status: 400, code: "SerializationException", message: err.Error()}
	}
	return nil
}

func (c *call) account() string {
	if c.caller == nil {
		return ""
	}
	return c.caller.Account()
}

// keyNamed returns the key in the body of a KMS call, for the log of requests.
func keyNamed(body []byte) string {
	var named struct{ KeyID string }
	if json.Unmarshal(body, &named) != nil {
		return ""
	}
	return named.KeyID
}

// route returns the EKS operation of a method and path, with the path labels.
func route(method, path string) (operation string, labels map[string]string) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for _, r := range []struct{ method, pattern, operation string }{
		{"GET", "clusters", "ListClusters"},
		{"GET", "clusters/{name}", "DescribeCluster"},
		{"POST", "clusters/{name}/encryption-config/associate", "AssociateEncryptionConfig"},
		{"GET", "clusters/{name}/updates", "ListUpdates"},
		{"GET", "clusters/{name}/updates/{updateId}", "DescribeUpdate"},
		{"GET", "clusters/{name}/capabilities", "ListCapabilities"},
		{"GET", "tags/{arn}", "ListTagsForResource"},
		{"POST", "listRegions", "ListRegions"},
		{"POST", "findings", "GetFindings"},
		{"POST", "findings/import", "BatchImportFindings"},
		{"PATCH", "findings/batchupdate", "BatchUpdateFindings"},
	} {
		if labels, ok := matchPath(strings.Split(r.pattern, "/"), segments); ok && r.method == method {
			return r.operation, labels
		}
	}
	return "", nil
}

func matchPath(pattern, segments []string) (map[string]string, bool) {
	if len(pattern) != len(segments) {
		return nil, false
	}
	labels := map[string]string{}
	for i, p := range pattern {
		value, err := url.PathUnescape(segments[i])
		if err != nil {
			return nil, false
		}
		if name, ok := strings.CutPrefix(p, "{"); ok {
			labels[strings.TrimSuffix(name, "}")] = value
		} else if p != value {
			return nil, false
		}
	}
	return labels, true
}
