package fakeaws

import (
	"cmp"
	"strings"
	"time"
)

// Principal is somebody who calls AWS: a user, a role, a role session, an
// account's root, or (ARN "eks.amazonaws.com") a service.
type Principal struct {
	// ARN is arn:aws:iam::A:user/N, arn:aws:iam::A:role/N,
	// arn:aws:sts::A:assumed-role/N/SESSION, arn:aws:iam::A:root, or the name
	// of a service.
	ARN string `json:"arn"`
	// UserID is filled from the ARN if empty.
	UserID string `json:"userId,omitempty"`
	// AccessKeyID and SecretAccessKey sign requests; a role has none.
	AccessKeyID     string `json:"accessKeyId,omitempty"`
	SecretAccessKey string `json:"secretAccessKey,omitempty"`
	// SessionToken and Expires belong to temporary credentials.
	SessionToken string    `json:"sessionToken,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
	// Role is the role behind a session; its Policy is the one that counts.
	Role string `json:"role,omitempty"`
	// Policy says what the principal may do. Nothing is allowed by default.
	Policy []Statement `json:"policy,omitempty"`
	// Trust lists, for a role, the ARNs (globs) that may assume it.
	Trust []string `json:"trust,omitempty"`
	// ExternalID, if set, must be given to assume the role.
	ExternalID string `json:"externalId,omitempty"`
	// WebIdentity lists, for a role, the tokens that may assume it by
	// AssumeRoleWithWebIdentity, as a cluster's service accounts do.
	WebIdentity []string `json:"webIdentity,omitempty"`
}

// Account is the 12 digits of the ARN, "" for a service.
func (p *Principal) Account() string { return arnPart(p.ARN, 4) }

// IsService says whether the principal is an AWS service.
func (p *Principal) IsService() bool { return !strings.HasPrefix(p.ARN, "arn:") }

// AddPrincipal adds p, or replaces the principal of the same ARN.
func (w *World) AddPrincipal(p Principal) *Principal {
	p.UserID = cmp.Or(p.UserID, defaultUserID(p.ARN))
	w.Principals[p.ARN] = &p
	return &p
}

// AddPrincipal is World.AddPrincipal through Update.
func (s *Server) AddPrincipal(p Principal) error {
	return s.Update(func(w *World) { w.AddPrincipal(p) })
}

// byAccessKey is the principal that signs with the access key, or nil.
func (w *World) byAccessKey(id string) *Principal {
	if id == "" {
		return nil
	}
	for _, p := range w.Principals {
		if p.AccessKeyID == id {
			return p
		}
	}
	return nil
}

// policyOf is the policy that counts for p: a session's is its role's.
func (w *World) policyOf(p *Principal) []Statement {
	if p.Role == "" {
		return p.Policy
	}
	if role := w.Principals[p.Role]; role != nil {
		return role.Policy
	}
	return nil
}

// defaultUserID makes the unique id that STS would show, always the same for
// the same ARN.
func defaultUserID(arn string) string {
	prefix := "AIDA"
	switch resource := arnPart(arn, 5); {
	case resource == "root":
		return arnPart(arn, 4)
	case strings.HasPrefix(resource, "role/"):
		prefix = "AROA"
	}
	return prefix + uniqueID(arn)
}

// arnPart is the nth field of an ARN (arn:partition:service:region:account:resource).
func arnPart(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return ""
	}
	return parts[n]
}
