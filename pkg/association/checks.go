package association

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

func pass(name, format string, args ...any) v1alpha1.Check {
	return check(v1alpha1.ResultPass, name, "", format, args)
}

func warn(name, remedy, format string, args ...any) v1alpha1.Check {
	return check(v1alpha1.ResultWarn, name, remedy, format, args)
}

func fail(name, remedy, format string, args ...any) v1alpha1.Check {
	return check(v1alpha1.ResultFail, name, remedy, format, args)
}

func unknown(name, format string, args ...any) v1alpha1.Check {
	return check(v1alpha1.ResultUnknown, name, "", format, args)
}

func check(result v1alpha1.Result, name, remedy, format string, args []any) v1alpha1.Check {
	return v1alpha1.Check{Name: name, Result: result, Message: fmt.Sprintf(format, args...), Remedy: remedy}
}

func keyCheck(f Facts) v1alpha1.Check {
	const name = "key is eligible"
	const listKeys = "list the keys that the cluster can use: kubectl eks-encrypt keys"
	refused := new(kms.KeyPolicyError)
	switch {
	case errors.As(f.KeyErr, &refused):
		c := fail(name, refused.Remedy(), "%v", f.KeyErr)
		c.Statements = refused.Statements
		return c
	case f.KeyErr != nil:
		return fail(name, cmp.Or(hint.Of(f.KeyErr), listKeys), "%v", f.KeyErr)
	case !f.Key.Eligible:
		return fail(name, listKeys, "key %s can't be used: %s", f.Key.ARN, strings.Join(f.Key.Reasons, "; "))
	case len(f.Key.Warnings) > 0:
		return warn(name, "", "symmetric, enabled and in this region; but %s", strings.Join(f.Key.Warnings, "; "))
	}
	return pass(name, "symmetric, for encryption and decryption, enabled and in this region")
}

// identityCheck: the change is irreversible, so that the account can be named twice.
func identityCheck(f Facts) v1alpha1.Check {
	const name = "caller and account"
	for _, account := range [][2]string{{"caller", f.Caller.Account}, {"cluster", f.Cluster.Account}} {
		if f.ExpectAccount != "" && account[1] != f.ExpectAccount {
			return fail(name, "use the context and the credentials of account "+f.ExpectAccount,
				"the %s is in account %s, not in the expected account %s", account[0], cmp.Or(account[1], "unknown"),
				f.ExpectAccount)
		}
	}
	if f.Caller.Wrapper != "" {
		return warn(name, "run this command through "+f.Caller.Wrapper+", or name the principal with --profile",
			"kubectl gets its credentials through %s, which may be another principal than the caller", f.Caller.Wrapper)
	}
	return pass(name, "the caller is in account %s, the cluster in %s", cmp.Or(f.Caller.Account, "(unknown)"),
		cmp.Or(f.Cluster.Account, "(unknown)"))
}

// guardCheckName is the name of guardCheck.
const guardCheckName = "kubectl uses this cluster"

func guardCheck(f Facts) v1alpha1.Check {
	const name = guardCheckName
	reason := cmp.Or(f.Cluster.GuardReason, "not verified")
	switch {
	case f.Cluster.Guard == v1alpha1.GuardMatch:
		return pass(name, "%s", cmp.Or(f.Cluster.GuardReason, "kubectl uses the endpoint that EKS reports"))
	case f.Cluster.Guard == v1alpha1.GuardMismatch:
		return fail(name, cmp.Or(f.MismatchRemedy, "use the context of the intended cluster"),
			"%s", cmp.Or(f.Cluster.GuardReason, "kubectl uses another cluster"))
	case f.TrustEndpoint:
		return warn(name, "", "%s; accepted by --trust-endpoint", reason)
	}
	return fail(name, "use the context that aws eks update-kubeconfig creates, or accept it without proof: "+
		"--trust-endpoint", "%s", reason)
}

func controlPlaneCheck(f Facts) v1alpha1.Check {
	const name = "EKS runs the control plane"
	switch {
	case f.Live.Connected:
		return fail(name, "", "the cluster is registered by EKS Connector: EKS does not run its control plane "+
			"and cannot encrypt its data")
	case f.Live.LocalOutpost:
		return fail(name, "", "this is a local cluster on Outposts: EKS offers no envelope encryption for it")
	}
	return pass(name, "an EKS cluster in the region")
}

func currentKeyCheck(f Facts) v1alpha1.Check {
	const name = "no other key is associated"
	switch {
	case f.Live.KeyARN == "":
		return pass(name, "the cluster has no customer key yet")
	case f.hasKey() && f.Adoptable() != nil:
		return pass(name, "EKS already names this key, and still associates it")
	case f.hasKey():
		return pass(name, "the cluster already has this key: nothing to do")
	}
	return fail(name, "EKS cannot change or remove the key of a cluster; only a new cluster can have another key",
		"the cluster has the key %s", f.Live.KeyARN)
}

// activeCheck: EKS runs one update at a time, and accepts one only if the cluster is active.
func activeCheck(f Facts) v1alpha1.Check {
	const name = "cluster is active"
	if f.Live.Status == "ACTIVE" {
		return pass(name, "ACTIVE")
	}
	if u := f.Adoptable(); u != nil {
		return pass(name, "%s, because update %s is associating this key", f.Live.Status, u.ID)
	}
	return fail(name, "wait until it is ACTIVE, then run this command again",
		"the cluster is %s", cmp.Or(f.Live.Status, "in an unknown state"))
}

// updatesCheck: the status is not enough, because a cluster stays ACTIVE during a version rollback.
func updatesCheck(f Facts) v1alpha1.Check {
	const name = "no other update is in progress"
	const wait = "wait until it has ended, then run this command again"
	if f.UpdatesErr != nil {
		return fail(name, hint.Of(f.UpdatesErr), "cannot detect a running update: %v", f.UpdatesErr)
	}
	for _, u := range f.Updates {
		switch {
		case !u.Running(), f.adoptable(u):
		case u.IsAssociation() && u.KeyARN == "":
			return fail(name, wait, "update %s associates a key that EKS does not report and is %s", u.ID, u.Status)
		case u.IsAssociation():
			return fail(name, "the update cannot be stopped, and its key cannot be changed",
				"update %s associates another key, %s, and is %s", u.ID, u.KeyARN, u.Status)
		default:
			describe := f.CLI.Command("eks", "describe-update", "--name", f.Cluster.Name, "--update-id", u.ID)
			return fail(name, wait+": "+describe, "%s is %s, update %s", cmp.Or(u.Type, "an update"), u.Status, u.ID)
		}
	}
	if u := f.Adoptable(); u != nil {
		return pass(name, "update %s is already associating this key: this command will wait for it", u.ID)
	}
	return pass(name, "none")
}

// versionCheck: from 1.28 on, EKS encrypts all API data with an AWS-owned key, which a customer key replaces. The EKS
// user guide documents the change of an existing cluster only for 1.27 and older, but the API accepts later versions.
func versionCheck(f Facts) v1alpha1.Check {
	const name = "Kubernetes version"
	version, err := encryption.ParseVersion(f.Live.Version)
	switch {
	case err != nil:
		return unknown(name, "%v", err)
	case version.Less(encryption.FirstDefault()):
		return pass(name, "Kubernetes %s: the key will encrypt Secrets; it encrypts other data only from %s on",
			version, encryption.FirstDefault())
	}
	return warn(name, "", "Kubernetes %s: an AWS-owned key encrypts all API data; your key will replace it. "+
		"The AWS guide describes this change for existing clusters only up to 1.27, but the API allows it", version)
}

// callerCheck is always unknown, because EKS has no dry run.
func callerCheck() v1alpha1.Check {
	return unknown("caller may associate", "EKS has no dry run: only the request itself shows whether "+
		"eks:AssociateEncryptionConfig is allowed for this cluster and key; a policy, also one of the organization, "+
		"may limit the keys by eks:encryptionConfigProviderKeyArns")
}

// keyPolicyChecks are about the caller, about the cluster's role, and about a lockout of the account.
func keyPolicyChecks(f Facts) []v1alpha1.Check {
	unread := f.PolicyUnread()
	role := f.PolicyIssues.Role
	role.Role = f.Live.RoleARN
	return []v1alpha1.Check{
		f.PolicyIssues.Check(unread), role.Check(unread), f.PolicyIssues.Administration.Check(unread),
	}
}

func accountCheck(f Facts) v1alpha1.Check {
	const name = "cross-account access"
	if f.KeyAccount == "" || f.Cluster.Account == "" || f.KeyAccount == f.Cluster.Account {
		return pass(name, "key and cluster are in the same account")
	}
	return warn(name, "", "the key is in account %s, the cluster in %s: the key policy must allow %s kms:DescribeKey "+
		"and kms:CreateGrant, and so must the caller's own policy; account %s can make the cluster unusable",
		f.KeyAccount, f.Cluster.Account, f.Cluster.Account, f.KeyAccount)
}

func sharedKeyCheck(f Facts) v1alpha1.Check {
	const name = "key used by other EKS clusters here"
	switch {
	case f.UsedByErr != nil:
		return unknown(name, "could not determine which other clusters use the key: %v", f.UsedByErr)
	case len(f.UsedBy) > 0:
		return warn(name, "", "%d other cluster(s) use the key and would fail with it: %s",
			len(f.UsedBy), strings.Join(f.UsedBy, ", "))
	}
	return pass(name, "none of this account and region")
}
