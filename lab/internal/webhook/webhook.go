// Package webhook reviews bearer tokens for the API server, as EKS does: the
// token is a presigned sts:GetCallerIdentity, and the IAM principal behind it
// becomes a Kubernetes user.
package webhook

import (
	"encoding/json"
	"log/slog"
	"net/http"

	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// Identifier says which IAM principal made a token, and for which cluster.
type Identifier interface {
	Identify(token string) (fakeaws.Identity, error)
}

// Handler answers TokenReviews.
type Handler struct {
	Tokens Identifier
	// Cluster is the only name that tokens are accepted for.
	Cluster string
	// Groups are those of the principal by ARN; false if the cluster has no
	// access entry for it.
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
	review.Spec.Token = "" // no need to send it back
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		h.Log.Error("answer a token review", "error", err)
	}
}

func (h *Handler) review(token string) authenticationv1.TokenReviewStatus {
	identity, err := h.Tokens.Identify(token)
	if err != nil {
		h.Log.Info("token refused", "error", err)
		return authenticationv1.TokenReviewStatus{Error: err.Error()}
	}
	principal := identity.ARN
	if identity.Role != "" {
		principal = identity.Role // access entries name roles, not their sessions
	}
	groups, known := h.Groups(principal)
	if !known || identity.ClusterID != h.Cluster {
		h.Log.Info("token refused", "principal", identity.ARN, "cluster", identity.ClusterID)
		return authenticationv1.TokenReviewStatus{Error: "no access entry of cluster " + h.Cluster + " for " + principal}
	}
	return authenticationv1.TokenReviewStatus{
		Authenticated: true,
		User: authenticationv1.UserInfo{
			// EKS takes the ARN for the username of an access entry.
			Username: identity.ARN, Groups: groups, UID: "aws-iam-authenticator:" + identity.Account + ":" + identity.UserID,
			Extra: map[string]authenticationv1.ExtraValue{"arn": {identity.ARN}, "canonicalArn": {principal}, "principalId": {identity.UserID}},
		},
	}
}
