package awsclient

import (
	"crypto/sha1" //nolint:gosec // G505: the AWS CLI names its files so
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// cacheMargin is how long a session of the cache must still be valid, as for the AWS CLI.
const cacheMargin = 15 * time.Minute

// cachedSession returns the session of a role that the AWS CLI keeps for kubectl, so that the MFA code for it is not
// asked for again. It reports whether there is one.
func (p *principal) cachedSession(s *source, now time.Time) (aws.Credentials, bool) {
	if p.options.Tool != ToolAWS {
		return aws.Credentials{}, false
	}
	data, err := os.ReadFile(filepath.Join(p.env.home(), ".aws", "cli", "cache", sessionFile(s)))
	if err != nil {
		return aws.Credentials{}, false
	}
	var session struct {
		Credentials struct{ AccessKeyID, SecretAccessKey, SessionToken, Expiration string }
	}
	if json.Unmarshal(data, &session) != nil {
		return aws.Credentials{}, false
	}
	c := session.Credentials
	expires, err := time.Parse(time.RFC3339, strings.Replace(c.Expiration, "UTC", "Z", 1))
	if err != nil || c.SessionToken == "" || expires.Sub(now) < cacheMargin {
		return aws.Credentials{}, false
	}
	return aws.Credentials{
		AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		CanExpire: true, Expires: expires, Source: "cache of the AWS CLI",
	}, true
}

// sessionFile returns the name of the file in which the AWS CLI keeps a session: a hash of the arguments of AssumeRole,
// as Python writes them.
func sessionFile(s *source) string {
	arguments := map[string]any{"RoleArn": s.role}
	for name, value := range map[string]string{
		"ExternalId": s.shared.ExternalID, "RoleSessionName": s.session, "SerialNumber": s.shared.MFASerial,
	} {
		if value != "" {
			arguments[name] = value
		}
	}
	if s.shared.RoleDurationSeconds != nil {
		arguments["DurationSeconds"] = int(s.shared.RoleDurationSeconds.Seconds())
	}
	var fields []string
	for _, name := range []string{"DurationSeconds", "ExternalId", "RoleArn", "RoleSessionName", "SerialNumber"} {
		if value, set := arguments[name]; set {
			encoded, _ := json.Marshal(value) // strings and numbers can be encoded
			fields = append(fields, `"`+name+`": `+string(encoded))
		}
	}
	hash := sha1.Sum([]byte("{" + strings.Join(fields, ", ") + "}")) //nolint:gosec // G401: see above
	return hex.EncodeToString(hash[:]) + ".json"
}
