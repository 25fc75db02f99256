package inspect

import (
	"context"
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// updates are the updates of a cluster. They are complete only if err is nil.
type updates struct {
	ids []string
	all []eks.Update // the oldest first
	err error
}

// list is the first round of calls.
func (u *updates) list(ctx context.Context, api EKS, ref eks.Ref) {
	if ref.Name != "" {
		u.ids, u.err = api.UpdateIDs(ctx, ref)
	}
}

// describe is the second round of calls.
func (u *updates) describe(ctx context.Context, api EKS, ref eks.Ref) {
	if u.err == nil && len(u.ids) > 0 {
		u.all, u.err = api.DescribeUpdates(ctx, ref, u.ids)
	}
}

// report adds the association in progress, or else the newest one, to the report on a described cluster. read is false
// if the updates were not read.
func (u *updates) report(r *v1alpha1.EncryptionReport, read bool) {
	association := eks.LastAssociation(u.all)
	if association != nil {
		r.Encryption.Update = &association.Update
	}
	other := slices.IndexFunc(u.all, func(u eks.Update) bool { return !u.IsAssociation() && u.Running() })
	if other >= 0 {
		running := u.all[other]
		r.Notes = append(r.Notes, fmt.Sprintf("update %s (%s) is %s", running.ID, running.Type, running.Status))
	}
	if u.err != nil {
		r.Notes = append(r.Notes, "last association: "+u.err.Error())
	}
	r.Encryption.UpdatesUnknown = u.unknown(r, read, association, other >= 0)
}

// unknown returns why it is unknown whether an association is in progress, or "". EKS reports the status, the updates
// and the key independently, and each may lag behind the others.
func (u *updates) unknown(r *v1alpha1.EncryptionReport, read bool, association *eks.Update, other bool) string {
	status := r.Cluster.Status
	switch {
	case u.err != nil:
		return u.err.Error()
	case association != nil && association.Running(), status == "ACTIVE" && !read:
		return ""
	case status == "UPDATING" && !read:
		return "the cluster is UPDATING, and its updates were not read"
	case status == "UPDATING" && !other:
		return "the cluster is UPDATING, but EKS lists no update that is in progress"
	case status != "ACTIVE" && status != "UPDATING":
		return fmt.Sprintf("the cluster is not ACTIVE: its status is %q", status)
	case association != nil && association.Status == "Successful" && r.Encryption.KeyARN == "":
		return fmt.Sprintf("update %s has associated a key, but DescribeCluster returns none yet", association.ID)
	}
	return ""
}
