package fakeaws

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// Metadata lists the roles whose sessions a Server gives away outside the API of AWS.
type Metadata struct {
	Instance  string // ARN of the role of the EC2 instance
	Container string // ARN of the role of the ECS task or of the pod, at the path /container
	SSO       string // ARN of the role that IAM Identity Center gives to the bearer of SSOToken
	SSOToken  string
	// ContainerToken is the Authorization header that the container's agent requires; empty if it requires none.
	ContainerToken string
}

// Metadata returns a handler for the instance metadata of EC2 (version 2), for the agent of ECS and EKS Pod Identity,
// and for the portal of IAM Identity Center.
func (s *Server) Metadata(m Metadata) http.Handler {
	const roles = "/latest/meta-data/iam/security-credentials/"
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600")
		_, _ = w.Write([]byte("metadata-token"))
	})
	mux.HandleFunc("GET "+roles+"{name...}", func(w http.ResponseWriter, r *http.Request) {
		name := m.Instance[strings.LastIndex(m.Instance, "/")+1:]
		switch {
		case r.Header.Get("X-Aws-Ec2-Metadata-Token") != "metadata-token":
			w.WriteHeader(http.StatusUnauthorized)
		case m.Instance == "":
			w.WriteHeader(http.StatusNotFound)
		case r.PathValue("name") == "":
			_, _ = w.Write([]byte(name))
		default:
			s.give(w, m.Instance, "i-0123456789abcdef0")
		}
	})
	mux.HandleFunc("GET /container", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != m.ContainerToken {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.give(w, m.Container, "container")
	})
	mux.HandleFunc("GET /federation/credentials", func(w http.ResponseWriter, r *http.Request) {
		switch role := r.URL.Query().Get("role_name"); {
		case r.Header.Get("X-Amz-Sso_bearer_token") != m.SSOToken:
			portalError(w, http.StatusUnauthorized, "UnauthorizedException", "Session token not found or invalid")
		case role != m.SSO[strings.LastIndex(m.SSO, "/")+1:]:
			portalError(w, http.StatusForbidden, "ForbiddenException", "No access")
		default:
			p := s.startSession(m.SSO, "jane@example.com")
			reply(w, map[string]any{"roleCredentials": map[string]any{
				"accessKeyId": p.AccessKeyID, "secretAccessKey": p.SecretAccessKey, "sessionToken": p.SessionToken,
				"expiration": p.Expires.UnixMilli(),
			}})
		}
	})
	return mux
}

// give writes credentials in the form that EC2, ECS and EKS share.
func (s *Server) give(w http.ResponseWriter, role, session string) {
	p := s.startSession(role, session)
	reply(w, map[string]string{
		"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": p.AccessKeyID, "SecretAccessKey": p.SecretAccessKey,
		"Token": p.SessionToken, "Expiration": p.Expires.UTC().Format(time.RFC3339),
		"LastUpdated": s.opts.Now().UTC().Format(time.RFC3339),
	})
}

func (s *Server) startSession(role, session string) Principal {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.newSession(s.state.Principals[role], session, time.Hour)
}

func portalError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-Errortype", code)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func reply(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
