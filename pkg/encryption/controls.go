package encryption

import (
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Controls evaluates ENC-1 to ENC-6 for a report. A report alone cannot decide ENC-5
// and ENC-6; commands that know the data or the approved keys replace their results.
func Controls(r *v1alpha1.EncryptionReport) []v1alpha1.Control {
	controls := make([]v1alpha1.Control, 0, 6)
	for _, c := range []struct {
		id string
		outcome
	}{
		{"ENC-1", enveloped(r)},
		{"ENC-2", customerKey(r)},
		{"ENC-3", keyUsable(r)},
		{"ENC-4", keyRotates(r)},
		{"ENC-5", dataCurrent(r)},
		{"ENC-6", outcome{v1alpha1.ResultNotApplicable, "no list of approved keys was given"}},
	} {
		definition := Definition(c.id)
		controls = append(controls, v1alpha1.Control{
			ID: c.id, Name: definition.Name, Result: c.result, Reason: c.reason,
			Standards: definition.EvidenceIDs(c.result, r.Key),
		})
	}
	return controls
}

// Transition returns why no control applies to a cluster that EKS is creating or deleting, or "" for other clusters.
func Transition(r *v1alpha1.EncryptionReport) string {
	switch r.Cluster.Status {
	case "CREATING":
		return "EKS is creating the cluster: it is not judged yet"
	case "DELETING":
		return "EKS is deleting the cluster: it is no longer judged"
	}
	return ""
}

type outcome struct {
	result v1alpha1.Result
	reason string
}

func enveloped(r *v1alpha1.EncryptionReport) outcome {
	switch r.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey:
		return outcome{v1alpha1.ResultPass, "envelope-encrypted: " + string(r.Encryption.Scope)}
	case v1alpha1.VerdictNotEncrypted:
		return outcome{v1alpha1.ResultFail, "not envelope-encrypted"}
	}
	return undecided(r)
}

func customerKey(r *v1alpha1.EncryptionReport) outcome {
	switch r.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey:
		return outcome{v1alpha1.ResultPass, "the key is " + r.Encryption.KeyARN}
	case v1alpha1.VerdictAWSOwnedKey:
		return outcome{v1alpha1.ResultFail, "the key is owned by AWS"}
	case v1alpha1.VerdictNotEncrypted:
		return outcome{v1alpha1.ResultFail, "no key is associated"}
	}
	return undecided(r)
}

// undecided is the outcome for a verdict that neither passes nor fails a control.
func undecided(r *v1alpha1.EncryptionReport) outcome {
	if r.Encryption.Verdict == v1alpha1.VerdictNotApplicable {
		return outcome{v1alpha1.ResultNotApplicable, r.Encryption.Reason}
	}
	return outcome{v1alpha1.ResultUnknown, r.Encryption.Reason}
}

// withoutKey returns the outcome of a key control if the report describes no
// customer key. It returns false if there is a key to check.
func withoutKey(r *v1alpha1.EncryptionReport) (outcome, bool) {
	switch {
	case r.Encryption.Verdict == v1alpha1.VerdictUnknown:
		return outcome{v1alpha1.ResultUnknown, r.Encryption.Reason}, true
	case r.Encryption.Verdict != v1alpha1.VerdictCustomerManagedKey:
		return outcome{v1alpha1.ResultNotApplicable, "no customer key is associated"}, true
	case r.Key == nil:
		return outcome{v1alpha1.ResultUnknown, "the key was not checked"}, true
	}
	return outcome{}, false
}

func keyUsable(r *v1alpha1.EncryptionReport) outcome {
	if o, done := withoutKey(r); done {
		return o
	}
	switch r.Key.Usable {
	case v1alpha1.UsableYes:
		reason := "KMS reports state Enabled, and EKS reports no issue"
		if r.Key.ValidTo != nil {
			reason += "; the imported key material expires on " + r.Key.ValidTo.UTC().Format("2006-01-02")
		}
		return outcome{v1alpha1.ResultPass, reason}
	case v1alpha1.UsableNo:
		return outcome{v1alpha1.ResultFail, r.Key.Reason}
	}
	return outcome{v1alpha1.ResultUnknown, r.Key.Reason}
}

func keyRotates(r *v1alpha1.EncryptionReport) outcome {
	if o, done := withoutKey(r); done {
		return o
	}
	rotation, origin := r.Key.Rotation, r.Key.Origin
	switch {
	case (rotation == nil || !rotation.Enabled) && origin != "" && origin != "AWS_KMS":
		// KMS may report "off" for such a key, although rotation is impossible.
		return outcome{v1alpha1.ResultNotApplicable, "KMS cannot automatically rotate a key of origin " + origin}
	case rotation == nil:
		return outcome{v1alpha1.ResultUnknown, "could not read the rotation status"}
	case rotation.Enabled:
		return outcome{v1alpha1.ResultPass, "automatic rotation is on"}
	}
	return outcome{v1alpha1.ResultFail, "automatic rotation is off"}
}

func dataCurrent(r *v1alpha1.EncryptionReport) outcome {
	if o, done := withoutKey(r); done && o.result != v1alpha1.ResultUnknown {
		return o
	}
	return outcome{v1alpha1.ResultUnknown, "existing data was not checked; the command verify checks it"}
}
