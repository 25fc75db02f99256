package fleet

import (
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// state is what decides what other auditors say of a cluster.
type state int

const (
	withoutAny     state = iota // below 1.28, no key
	ownedByAWS                  // 1.28 or later, no key of the customer
	customerKey                 // a customer key that EKS can use, as far as is known
	customerBroken              // a customer key that EKS can't use
	otherStates                 // nothing is known, or the tools don't apply
)

// words name the states.
var words = map[state]string{
	withoutAny:     "below Kubernetes 1.28, without a customer key: not envelope-encrypted",
	ownedByAWS:     "Kubernetes 1.28 or later, without a customer key: envelope-encrypted under a key that AWS owns and no API shows",
	customerKey:    "with a customer key",
	customerBroken: "with a customer key that EKS can't use",
}

// verdict is one tool's word on one state; agrees says whether it is true.
type verdict struct {
	says   string
	agrees bool
	why    string
}

// auditor is a tool with its answers by state, from its published source or text.
type auditor struct {
	tool, check string
	answers     [4]verdict
}

const (
	looksAtField = "looks only at encryptionConfig, which EKS leaves out for the key that it owns"
	ignoresState = "looks at the configuration, not at the state of the key"
	truly        = "it is so"
)

// byField is a tool that passes a cluster when, and only when, a key is configured.
func byField(tool, check, fail, pass, onAWSOwned string) auditor {
	return auditor{tool, check, [4]verdict{
		{fail, true, truly}, {fail, false, onAWSOwned}, {pass, true, truly}, {pass, false, ignoresState},
	}}
}

func auditors() []auditor {
	return []auditor{
		byField("Prowler", "eks_cluster_kms_cmk_encryption_in_secrets_enabled", "FAIL", "PASS",
			looksAtField+"; its text says there is no encryption, though its name asks for a customer key"),
		byField("Security Hub", "EKS.3", "FAILED", "PASSED", looksAtField+": it asks for encrypted Secrets, which these are"),
		byField("AWS Config", "eks-secrets-encrypted", "NON_COMPLIANT", "COMPLIANT", looksAtField),
		byField("kubescape", "C-0066", "fail", "pass", looksAtField),
		byField("CloudSploit", "eksSecretsEncrypted", "FAIL", "PASS", looksAtField),
		byField("Checkov", "CKV_AWS_58", "FAIL", "PASS", "reads the IaC source without regard to the version: no key there, no encryption"),
		byField("Trivy", "AWS-0039", "fail", "pass", "reads the IaC source without regard to the version: no key there, no encryption"),
		{"Powerpipe", "eks_cluster_secrets_encrypted", [4]verdict{
			{"alarm", true, truly}, {"ok", true, "true of the encryption; it does not tell AWS's key from yours"}, {"ok", true, truly}, {"ok", false, ignoresState},
		}},
		{"kube-bench", "5.3.1", [4]verdict{
			{"WARN", false, "its check is manual and never runs"}, {"WARN", false, "its check is manual and never runs"},
			{"WARN", false, "its check is manual and never runs"}, {"WARN", false, "its check is manual and never runs"},
		}},
	}
}

// otherTools groups the clusters by what other auditors go by.
func otherTools(items []v1alpha1.EncryptionReport) []v1alpha1.OtherTools {
	clusters := map[state][]string{}
	for i := range items {
		s := stateOf(&items[i])
		clusters[s] = append(clusters[s], identity(&items[i]))
	}
	var out []v1alpha1.OtherTools
	for s := withoutAny; s < otherStates; s++ {
		if len(clusters[s]) == 0 {
			continue
		}
		slices.Sort(clusters[s])
		o := v1alpha1.OtherTools{State: words[s], Clusters: clusters[s]}
		for _, a := range auditors() {
			v := a.answers[s]
			o.Says = append(o.Says, v1alpha1.OtherTool{Tool: a.tool, Check: a.check, Says: v.says, Agrees: v.agrees, Why: v.why})
		}
		out = append(out, o)
	}
	return out
}

func stateOf(r *v1alpha1.EncryptionReport) state {
	switch r.Encryption.Verdict {
	case v1alpha1.VerdictNotEncrypted:
		return withoutAny
	case v1alpha1.VerdictAWSOwnedKey:
		return ownedByAWS
	case v1alpha1.VerdictCustomerManagedKey:
		if r.Key != nil && r.Key.Usable == v1alpha1.UsableNo {
			return customerBroken
		}
		return customerKey
	}
	return otherStates
}
