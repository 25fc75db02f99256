// Package webhook reviews bearer tokens for the API server in the same way as EKS:
// the token is a presigned sts:GetCallerIdentity, and its IAM principal becomes
// the Kubernetes user.
package webhook

import (
	"encoding/json"
	"log/slog"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// Identifier returns the IAM principal and the cluster of a token.
type Identifier interface {
	Identify(token string) (fakeaws.Identity, error)
}

// Handler serves TokenReviews.
type Handler struct {
	Tokens Identifier
	// Cluster is the name of the cluster; tokens for other clusters are rejected.
	Cluster string
	// Groups returns the Kubernetes groups of the principal with this ARN. It
	// reports whether the cluster has an access entry for the principal.
	Groups func(arn string) ([]string, bool)
	Log    *slog.Logger
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review authenticationv1.TokenReview
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	review.Status = h.review(review.Spec.Token)
	review.Spec.Token = "" // the response does not need it
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.Error("cannot send the token review", "error", err)
	}
}

func (h *Handler) review(token string) authenticationv1.TokenReviewStatus {
	identity, err := h.Tokens.Identify(token)
	if err != nil {
		h.Log.Info("token rejected", "error", err)
		return authenticationv1.TokenReviewStatus{Error: err.Error()}
	}
	principal := identity.ARN
	if identity.Role != "" {
		principal = identity.Role // access entries name roles, not their sessions
	}
	groups, known := h.Groups(principal)
	if !known || identity.ClusterID != h.Cluster {
		h.Log.Info("token rejected", "principal", identity.ARN, "cluster", identity.ClusterID)
		return authenticationv1.TokenReviewStatus{
			Error: "cluster " + h.Cluster + " has no access entry for " + principal,
		}
	}
	return authenticationv1.TokenReviewStatus{
		Authenticated: true,
		User: authenticationv1.UserInfo{
			// EKS uses the ARN as the username of an access entry.
			Username: identity.ARN, Groups: groups,
			UID: "aws-iam-authenticator:" + identity.Account + ":" + identity.UserID,
			Extra: map[string]authenticationv1.ExtraValue{
				"arn": {identity.ARN}, "canonicalArn": {principal}, "principalId": {identity.UserID},
			},
		},
	}
}
