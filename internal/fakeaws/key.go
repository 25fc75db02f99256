package fakeaws

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Key is one KMS key. Region and Account must be set.
type Key struct {
	// ID is a UUID (mrk-… for a multi-Region key); generated if empty.
	ID      string `json:"id"`
	Region  string `json:"region"`
	Account string `json:"account"`
	// State is KeyState; empty means Enabled. Enabled follows from it.
	State string `json:"state"`
	// Spec, Usage, Origin and Manager have KMS's values; empty means
	// SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, AWS_KMS and CUSTOMER.
	Spec        string    `json:"spec"`
	Usage       string    `json:"usage"`
	Origin      string    `json:"origin"`
	Manager     string    `json:"manager"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"createdAt,omitzero"`
	// DeletionDate is for PendingDeletion, ValidTo for imported key material.
	DeletionDate time.Time `json:"deletionDate,omitzero"`
	ValidTo      time.Time `json:"validTo,omitzero"`
	MultiRegion  bool      `json:"multiRegion,omitempty"`
	// Primary is the ARN of the primary key, for a multi-Region replica.
	Primary string `json:"primary,omitempty"`
	// RotationDays is the rotation period in days; 0 turns automatic rotation off.
	RotationDays int `json:"rotationDays,omitempty"`
	// Rotations are the rotations that were completed.
	Rotations []Rotation        `json:"rotations,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	// Policy is the key policy in JSON; empty means the default policy, which delegates to
	// IAM.
	Policy string  `json:"policy"`
	Grants []Grant `json:"grants,omitempty"`
	// Secret is the key material, 32 bytes; generated if empty.
	Secret []byte `json:"secret"`
	// LastUse is the last successful cryptographic operation.
	LastUse   time.Time `json:"lastUse,omitzero"`
	LastUseOp string    `json:"lastUseOp,omitempty"`
	// LastUseEvent is the id of the CloudTrail event of that operation.
	LastUseEvent string `json:"lastUseEvent,omitempty"`
}

// Rotation is a completed rotation of a key. Type is AUTOMATIC or ON_DEMAND.
type Rotation struct {
	Type string    `json:"type"`
	Date time.Time `json:"date"`
}

// Grant allows a principal to use a key.
type Grant struct {
	ID         string   `json:"id"`
	Token      string   `json:"token"`
	Name       string   `json:"name,omitempty"`
	Grantee    string   `json:"grantee"`
	Issuer     string   `json:"issuer"`
	Retiring   string   `json:"retiring,omitempty"`
	Operations []string `json:"operations"`
	// Constraints are those of the request, verbatim.
	Constraints map[string]any `json:"constraints,omitempty"`
	CreatedAt   time.Time      `json:"createdAt"`
}

// ARN returns the key's ARN.
func (k *Key) ARN() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", Partition(k.Region), k.Region, k.Account, k.ID)
}

// Alias is a name for a key. Name begins with "alias/".
type Alias struct {
	Name    string `json:"name"`
	Region  string `json:"region"`
	Account string `json:"account"`
	// Target is the ID of a key of the same region and account. It is empty for the alias of
	// an AWS-managed key that does not exist yet.
	Target string `json:"target,omitempty"`
}

// ARN returns the alias's ARN.
func (a *Alias) ARN() string {
	return fmt.Sprintf("arn:%s:kms:%s:%s:%s", Partition(a.Region), a.Region, a.Account, a.Name)
}

// AddKey adds k with its defaults, or replaces the key of the same ARN. The default ID and
// secret depend only on the number of keys, so that the state is reproducible.
func (w *State) AddKey(k Key) *Key {
	if k.ID == "" {
		k.ID = uuidOf(fmt.Sprintf("%s/%s/%d", k.Region, k.Account, len(w.Keys)))
		if k.MultiRegion {
			k.ID = "mrk-" + strings.ReplaceAll(k.ID, "-", "")
		}
	}
	k.State = cmp.Or(k.State, "Enabled")
	k.Spec = cmp.Or(k.Spec, "SYMMETRIC_DEFAULT")
	k.Usage = cmp.Or(k.Usage, "ENCRYPT_DECRYPT")
	k.Origin = cmp.Or(k.Origin, "AWS_KMS")
	k.Manager = cmp.Or(k.Manager, "CUSTOMER")
	k.Policy = cmp.Or(k.Policy, defaultKeyPolicy(Partition(k.Region), k.Account))
	if k.CreatedAt.IsZero() {
		k.CreatedAt = time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC)
	}
	if len(k.Secret) == 0 {
		k.Secret = digest("secret of " + k.ARN())
	}
	w.Keys[k.ARN()] = &k
	return &k
}

// AddAlias adds a, or replaces the alias of the same ARN.
func (w *State) AddAlias(a Alias) *Alias {
	w.Aliases[a.ARN()] = &a
	return &a
}

// AddKey adds k like State.AddKey and returns its ARN.
func (s *Server) AddKey(k Key) (arn string, err error) {
	err = s.Update(func(w *State) { arn = w.AddKey(k).ARN() })
	return arn, err
}

// AddAlias adds a like State.AddAlias and returns its ARN.
func (s *Server) AddAlias(a Alias) (string, error) {
	return a.ARN(), s.Update(func(w *State) { w.AddAlias(a) })
}
