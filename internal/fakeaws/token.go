package fakeaws

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Identity is the identity in a bearer token of `aws eks get-token`.
type Identity struct {
	// ARN is the caller's ARN, for a role session arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION.
	ARN, Account, UserID string
	// Role is the role's ARN, for a session.
	Role string
	// ClusterID is the name of the cluster that the token is for.
	ClusterID string
}

const (
	tokenPrefix     = "k8s-aws-v1." //nolint:gosec // G101: a format, not a secret
	clusterIDHeader = "x-k8s-aws-id"
)

// Identify verifies a token as aws-iam-authenticator and EKS do: it is a presigned
// GetCallerIdentity whose signature covers the cluster's ID. The ID itself is not in the
// token, so Identify tries the names of all clusters.
func (s *Server) Identify(token string) (Identity, error) {
	r, err := tokenRequest(token)
	if err != nil {
		return Identity{}, fmt.Errorf("EKS token: %w", err)
	}
	c := &call{service: "sts", credential: credentialOf(r)}
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for _, arn := range slices.Sorted(maps.Keys(s.state.Clusters)) {
		names = append(names, s.state.Clusters[arn].Name)
	}
	failure := refused(c, "UnrecognizedClient", "there are no clusters")
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		r.Header.Set(clusterIDHeader, name)
		var p *Principal
		if p, failure = s.verify(c.credential, r, nil, c); failure == nil {
			return Identity{ARN: p.ARN, Account: p.Account(), UserID: p.UserID, Role: p.Role, ClusterID: name}, nil
		}
	}
	return Identity{}, fmt.Errorf("EKS token: %s: %s", failure.code, failure.message)
}

// tokenRequest returns the request inside a token. It must be a presigned GetCallerIdentity
// and nothing else.
func tokenRequest(token string) (*http.Request, error) {
	encoded, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return nil, errors.New("no " + tokenPrefix + " prefix")
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(string(raw))
	if err != nil {
		return nil, errors.New("not a URL")
	}
	query := u.Query()
	if u.Path != "/" && u.Path != "" || query.Get("Action") != "GetCallerIdentity" {
		return nil, errors.New("not a presigned GetCallerIdentity")
	}
	for name, values := range query {
		if len(values) != 1 {
			return nil, fmt.Errorf("parameter %s given more than once", name)
		}
	}
	r := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{}}
	if !slices.Contains(credentialOf(r).signedHeaders, clusterIDHeader) {
		return nil, errors.New("the cluster id is not signed")
	}
	return r, nil
}
