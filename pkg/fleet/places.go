package fleet

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// newUnreachable returns the entry for a region of an account, or for a whole account if region is empty.
func newUnreachable(account, region string, err error) v1alpha1.Unreachable {
	u := v1alpha1.Unreachable{Account: account, Region: region, Reason: err.Error()}
	stopped := new(stoppedError)
	switch kind := awsclient.KindOf(err); {
	case errors.As(err, &stopped):
		u.Cause = v1alpha1.CauseInterrupted
	case awsclient.DeniedByOrganization(err):
		u.Cause = v1alpha1.CauseServiceControlPolicy
		u.Reason = "explicit deny in a service control policy of the organization, which no permission of the caller " +
			"can lift: " + u.Reason
	case kind == awsclient.KindAccessDenied:
		u.Cause = v1alpha1.CauseAccessDenied
	case kind == awsclient.KindRegionDisabled:
		u.Cause = v1alpha1.CauseRegionDisabled
	case kind == awsclient.KindTimeout:
		u.Cause = v1alpha1.CauseTimeout
	}
	return u
}

// placeName returns the name of a place: the account and, if only a region of it is meant, the region.
func placeName(account, region string) string {
	if region == "" {
		return account
	}
	return account + "/" + region
}

// clusterText names a cluster with its place, for messages.
func clusterText(r *v1alpha1.EncryptionReport) string {
	c := &r.Cluster
	if c.Name == "" || c.Account == "" && c.Region == "" {
		return identity(r)
	}
	return fmt.Sprintf("%s (%s)", c.Name, strings.Trim(placeName(c.Account, c.Region), "/"))
}

// checkPlace returns an error if s is not a pattern for places: ACCOUNT, or ACCOUNT/REGION.
func checkPlace(s string) error {
	account, region, hasRegion := strings.Cut(s, "/")
	for _, pattern := range []string{account, region} {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("place %q is not a valid pattern: %w", s, err)
		}
	}
	if account == "" || hasRegion && region == "" || strings.Contains(region, "/") {
		return fmt.Errorf("place %q must look like 111122223333/eu-west-1, 111122223333/eu-* or 111122223333", s)
	}
	return nil
}

// matchesPlace reports whether a pattern covers an unreachable place. A pattern with a region covers a whole account
// only if it covers all regions. None covers a place that might have answered if the audit had gone on.
func matchesPlace(pattern string, u v1alpha1.Unreachable) bool {
	account, region, hasRegion := strings.Cut(pattern, "/")
	switch {
	case u.Account == "" || u.Context != "" || !glob(account, u.Account), u.Cause == v1alpha1.CauseInterrupted:
		return false
	case !hasRegion || region == "*":
		return true
	}
	return u.Region != "" && glob(region, u.Region)
}
