package fakeaws

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"

var stsOperations = map[string]operation{
	"GetCallerIdentity":         {handle: (*Server).getCallerIdentity},
	"AssumeRole":                {handle: (*Server).assumeRole, writes: true},
	"AssumeRoleWithWebIdentity": {handle: (*Server).assumeRoleWithWebIdentity, writes: true},
}

type callerIdentity struct {
	Arn     string
	UserID  string `xml:"UserId"`
	Account string
}

// getCallerIdentity needs no permission and cannot be denied.
func (s *Server) getCallerIdentity(c *call) (any, *apiError) {
	return callerIdentity{Arn: c.caller.ARN, UserID: c.caller.UserID, Account: c.account()}, nil
}

type assumed struct {
	Credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	AssumedRoleUser struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	SubjectFromWebIdentityToken string `xml:",omitempty"`
}

// assumeRole requires that the role trusts the caller. Across accounts, the caller's policy
// must also allow it; within an account, it must not deny it.
func (s *Server) assumeRole(c *call) (any, *apiError) {
	arn := c.form.Get("RoleArn")
	if failure := checkSession(c); failure != nil {
		return nil, failure
	}
	role := s.state.Principals[arn]
	failure := s.permit(c, "sts:AssumeRole", arn, nil)
	trusted := role != nil && slices.ContainsFunc(role.Trust, func(g string) bool {
		return wildcard(g, c.caller.ARN) || wildcard(g, c.caller.roleARN())
	})
	if role == nil || !trusted || failure != nil && (role.Account() != c.account() ||
		strings.Contains(failure.message, explicitDeny)) ||
		role.ExternalID != "" && role.ExternalID != c.form.Get("ExternalId") {
		return nil, failf(403, "AccessDenied", "User: %s is not authorized to perform: sts:AssumeRole on resource: %s",
			c.caller.ARN, arn)
	}
	return s.session(c, role)
}

// assumeRoleWithWebIdentity accepts the tokens in the role's WebIdentity.
func (s *Server) assumeRoleWithWebIdentity(c *call) (any, *apiError) {
	if failure := checkSession(c); failure != nil {
		return nil, failure
	}
	role := s.state.Principals[c.form.Get("RoleArn")]
	if role == nil || !slices.Contains(role.WebIdentity, c.form.Get("WebIdentityToken")) {
		return nil, failf(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	return s.session(c, role)
}

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// checkSession validates the parameters of a role session. AWS does so before it checks any
// permission.
func checkSession(c *call) *apiError {
	const violated = "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint"
	if name := c.form.Get("RoleSessionName"); !sessionName.MatchString(name) {
		return failf(400, "ValidationError", violated, name, "roleSessionName")
	}
	if arn := c.form.Get("RoleArn"); len(arn) < 20 {
		return failf(400, "ValidationError", violated, arn, "roleArn")
	} else if parseARN(arn).Service != "iam" {
		return failf(400, "ValidationError", "%s is invalid", arn)
	}
	return nil
}

// session returns temporary credentials for the role.
func (s *Server) session(c *call, role *Principal) (any, *apiError) {
	name := c.form.Get("RoleSessionName")
	seconds := 3600
	if raw := c.form.Get("DurationSeconds"); raw != "" {
		var err error
		if seconds, err = strconv.Atoi(raw); err != nil || seconds < 900 || seconds > 43200 {
			return nil, failf(400, "ValidationError", "The requested DurationSeconds is not valid for this role.")
		}
	}
	p := s.newSession(role, name, time.Duration(seconds)*time.Second)
	var out assumed
	out.Credentials.AccessKeyID, out.Credentials.SecretAccessKey = p.AccessKeyID, p.SecretAccessKey
	out.Credentials.SessionToken = p.SessionToken
	out.Credentials.Expiration = p.Expires.UTC().Format(time.RFC3339)
	out.AssumedRoleUser.AssumedRoleID, out.AssumedRoleUser.Arn = p.UserID, p.ARN
	return out, nil
}

// newSession adds a session of the role. The caller holds mu.
func (s *Server) newSession(role *Principal, name string, valid time.Duration) *Principal {
	roleName := role.ARN[strings.LastIndex(role.ARN, "/")+1:]
	return s.state.addSession(Principal{
		ARN: fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", parseARN(role.ARN).Partition, role.Account(),
			roleName, name),
		UserID:      role.UserID + ":" + name,
		AccessKeyID: "ASIA" + uniqueID(s.newUUID())[:16], SecretAccessKey: hexSum(s.random(16))[:40],
		SessionToken: hexSum(s.random(16)), Expires: s.opts.Now().Add(valid), Role: role.ARN,
	})
}

// addSession adds a role session. Earlier sessions of the same role and name stay valid.
func (w *State) addSession(p Principal) *Principal {
	w.Principals[p.ARN+" "+p.AccessKeyID] = &p
	return &p
}

// knows reports whether a principal or a session has this ARN.
func (w *State) knows(arn string) bool {
	if w.Principals[arn] != nil {
		return true
	}
	for _, p := range w.Principals {
		if p.ARN == arn {
			return true
		}
	}
	return false
}

// envelope wraps a reply of the query protocol: OperationResponse with OperationResult, or
// the flat form of EC2.
func envelope(c *call, reply any, id string) any {
	if c.service == "ec2" {
		return reply
	}
	return queryReply{
		XMLName: xml.Name{Local: c.operation + "Response"}, Xmlns: stsNamespace,
		Result: queryResult{name: c.operation + "Result", body: reply}, RequestID: id,
	}
}

type queryReply struct {
	XMLName   xml.Name
	Xmlns     string `xml:"xmlns,attr"`
	Result    queryResult
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

type queryResult struct {
	name string
	body any
}

// MarshalXML encodes the body in an element with the name of the operation.
func (r queryResult) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	return e.EncodeElement(r.body, xml.StartElement{Name: xml.Name{Local: r.name}})
}
