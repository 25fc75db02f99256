package fakeaws

import (
	"net/http"
	"time"
)

// authenticate sets c.caller, or returns the error of the service.
func (s *Server) authenticate(c *call) *apiError {
	if c.credential.accessKey == "" {
		if c.service == "sts" && c.operation == "AssumeRoleWithWebIdentity" {
			return nil // authenticated by its token
		}
		return refused(c, "MissingAuthenticationToken", "Missing Authentication Token")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	principal, failure := s.verify(c.credential, c.http, c.body, c)
	c.caller = principal
	return failure
}

// verify returns the principal that signed the request.
func (s *Server) verify(cred credential, r *http.Request, body []byte, c *call) (*Principal, *apiError) {
	p := s.state.byAccessKey(cred.accessKey)
	if p == nil || p.SessionToken != cred.token {
		return nil, refused(c, "UnrecognizedClient", "The security token included in the request is invalid.")
	}
	now := s.opts.Now()
	if !p.Expires.IsZero() && !now.Before(p.Expires) {
		return nil, refused(c, "ExpiredToken", "The security token included in the request is expired")
	}
	signed, err := time.Parse(amzDate, cred.when)
	valid := clockSkew
	if cred.presigned {
		valid = presignMax
	}
	switch {
	case err != nil:
		return nil, refused(c, "IncompleteSignature", "Date must be in ISO-8601 'basic format'. Got '"+cred.when+"'.")
	case now.Sub(signed) > valid:
		return nil, refused(c, "InvalidSignature", "Signature expired: "+cred.when+" is now earlier than "+now.Add(
			-valid).UTC().Format(amzDate))
	case signed.Sub(now) > clockSkew:
		return nil,
			refused(c, "InvalidSignature", "Signature not yet current: "+cred.when+" is still later than "+now.Add(
				clockSkew).UTC().Format(amzDate))
	case !cred.signedBy(p.SecretAccessKey, r, body):
		return nil,
			refused(c, "InvalidSignature",
				"The request signature we calculated does not match the signature you provided. Check your AWS "+
					"Secret Access Key and signing method. Consult the service documentation for details.")
	}
	copied := *p
	return &copied, nil
}

// refused returns the error of a failed authentication. The query services use other codes,
// and the awsJson services return status 400.
func refused(c *call, code, message string) *apiError {
	switch c.service {
	case "sts":
		switch code {
		case "UnrecognizedClient":
			code = "InvalidClientTokenId"
		case "InvalidSignature":
			code = "SignatureDoesNotMatch"
		}
		return &apiError{http.StatusForbidden, code, message}
	case "ec2":
		return &apiError{http.StatusUnauthorized, "AuthFailure",
			"AWS was not able to validate the provided access credentials"}
	}
	return &apiError{deniedStatus(c.service), code + "Exception", message}
}
