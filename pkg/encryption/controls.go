package encryption

import (
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Controls answers what auditors ask. ENC-5 and ENC-6 rest on what a report alone
// can't know; commands that know more replace them.
func Controls(r *v1alpha1.EncryptionReport) []v1alpha1.Control {
	var controls []v1alpha1.Control
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
			ID: c.id, Name: definition.Name, Result: c.result, Reason: c.reason, Standards: definition.StandardNames(),
		})
	}
	return controls
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
	return other(r)
}

func customerKey(r *v1alpha1.EncryptionReport) outcome {
	switch r.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey:
		return outcome{v1alpha1.ResultPass, "the key is " + r.Encryption.KeyARN}
	case v1alpha1.VerdictAWSOwnedKey:
		return outcome{v1alpha1.ResultFail, "the key is owned by AWS"}
	case v1alpha1.VerdictNotEncrypted:
		return outcome{v1alpha1.ResultFail, "no key at all"}
	}
	return other(r)
}

func other(r *v1alpha1.EncryptionReport) outcome {
	if r.Encryption.Verdict == v1alpha1.VerdictNotApplicable {
		return outcome{v1alpha1.ResultNotApplicable, r.Encryption.Reason}
	}
	return outcome{v1alpha1.ResultUnknown, r.Encryption.Reason}
}

func withoutKey(r *v1alpha1.EncryptionReport) (outcome, bool) {
	switch {
	case r.Encryption.Verdict == v1alpha1.VerdictUnknown:
		return outcome{v1alpha1.ResultUnknown, r.Encryption.Reason}, true
	case r.Encryption.Verdict != v1alpha1.VerdictCustomerManagedKey:
		return outcome{v1alpha1.ResultNotApplicable, "no customer key"}, true
	case r.Key == nil:
		return outcome{v1alpha1.ResultUnknown, "the key was not looked at"}, true
	}
	return outcome{}, false
}

func keyUsable(r *v1alpha1.EncryptionReport) outcome {
	if o, done := withoutKey(r); done {
		return o
	}
	switch r.Key.Usable {
	case v1alpha1.UsableYes:
		return outcome{v1alpha1.ResultPass, "KMS says Enabled, and EKS reports no issue"}
	case v1alpha1.UsableNo:
		return outcome{v1alpha1.ResultFail, r.Key.Reason}
	}
	return outcome{v1alpha1.ResultUnknown, r.Key.Reason}
}

func keyRotates(r *v1alpha1.EncryptionReport) outcome {
	if o, done := withoutKey(r); done {
		return o
	}
	switch rotation := r.Key.Rotation; {
	case (rotation == nil || !rotation.Enabled) && r.Key.Origin != "" && r.Key.Origin != "AWS_KMS": // KMS may answer "off" here
		return outcome{v1alpha1.ResultNotApplicable, "KMS can't rotate a key of origin " + r.Key.Origin + " by itself"}
	case rotation == nil:
		return outcome{v1alpha1.ResultUnknown, "the rotation could not be read"}
	case rotation.Enabled:
		return outcome{v1alpha1.ResultPass, "automatic rotation is on"}
	}
	return outcome{v1alpha1.ResultFail, "automatic rotation is off"}
}

func dataCurrent(r *v1alpha1.EncryptionReport) outcome {
	if o, done := withoutKey(r); done && o.result != v1alpha1.ResultUnknown {
		return o
	}
	return outcome{v1alpha1.ResultUnknown, "existing data was not looked at: kubectl eks-encrypt verify"}
}
