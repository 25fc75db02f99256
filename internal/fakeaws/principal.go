package fakeaws

import (
	"cmp"
	"strings"
	"time"

	awsarn "github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Principal is an identity that calls AWS: a user, a role, a role session, an account's
// root, or a service (ARN "eks.amazonaws.com").
type Principal struct {
	// ARN is arn:aws:iam::ACCOUNT:user/NAME, arn:aws:iam::ACCOUNT:role/NAME,
	// arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION, arn:aws:iam::ACCOUNT:root, or the name
	// of a service.
	ARN string `json:"arn"`
	// UserID is derived from the ARN if empty.
	UserID string `json:"userId,omitempty"`
	// AccessKeyID and SecretAccessKey sign requests; a role has none.
	AccessKeyID     string `json:"accessKeyId,omitempty"`
	SecretAccessKey string `json:"secretAccessKey,omitempty"`
	// SessionToken and Expires are for temporary credentials.
	SessionToken string    `json:"sessionToken,omitempty"`
	Expires      time.Time `json:"expires,omitzero"`
	// Role is the role of a session. The session has the role's Policy.
	Role string `json:"role,omitempty"`
	// Policy lists the permissions. The default is deny.
	Policy []Statement `json:"policy,omitempty"`
	// Trust lists, for a role, the ARN patterns that may assume it.
	Trust []string `json:"trust,omitempty"`
	// ExternalID, if set, is required to assume the role.
	ExternalID string `json:"externalId,omitempty"`
	// WebIdentity lists, for a role, the tokens that AssumeRoleWithWebIdentity accepts, such
	// as those of a cluster's service accounts.
	WebIdentity []string `json:"webIdentity,omitempty"`
}

// Account returns the account ID, or "" for a service.
func (p *Principal) Account() string { return parseARN(p.ARN).AccountID }

// IsService reports whether the principal is an AWS service.
func (p *Principal) IsService() bool { return !strings.HasPrefix(p.ARN, "arn:") }

// AddPrincipal adds p, or replaces the principal of the same ARN.
func (w *State) AddPrincipal(p Principal) *Principal {
	p.UserID = cmp.Or(p.UserID, defaultUserID(p.ARN))
	w.Principals[p.ARN] = &p
	return &p
}

// AddPrincipal adds p like State.AddPrincipal.
func (s *Server) AddPrincipal(p Principal) error {
	return s.Update(func(w *State) { w.AddPrincipal(p) })
}

// byAccessKey returns the principal of an access key, or nil.
func (w *State) byAccessKey(id string) *Principal {
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

// policyOf returns the policy of p; for a session, that of its role.
func (w *State) policyOf(p *Principal) []Statement {
	if p.Role == "" {
		return p.Policy
	}
	if role := w.Principals[p.Role]; role != nil {
		return role.Policy
	}
	return nil
}

// defaultUserID returns a unique ID in the form of IAM that is derived from the ARN.
func defaultUserID(arn string) string {
	prefix := "AIDA"
	switch resource := parseARN(arn).Resource; {
	case resource == "root":
		return parseARN(arn).AccountID
	case strings.HasPrefix(resource, "role/"):
		prefix = "AROA"
	}
	return prefix + uniqueID(arn)
}

// parseARN returns the parts of an ARN; all are empty if s is not one.
func parseARN(s string) awsarn.ARN {
	parsed, err := awsarn.Parse(s)
	if err != nil {
		return awsarn.ARN{}
	}
	return parsed
}
