package state

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
)

// Credentials is an AWS access key.
type Credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// User is an IAM user with an access entry in the cluster.
type User struct {
	Credentials
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// Groups are the Kubernetes groups that the token webhook returns; RBAC binds to them.
	Groups []string `json:"groups,omitempty"`
	// About describes the user's permissions.
	About string `json:"about"`
}

// Names of the lab's users.
const (
	Admin        = "admin"
	ClusterAdmin = "cluster-admin"
	Reader       = "reader"
	Rewriter     = "rewriter"
	NoAccess     = "no-access"
)

// NewUsers returns the lab's users with fresh credentials.
func NewUsers() []User {
	users := []User{
		{
			Name: ClusterAdmin, Groups: []string{"lab:cluster-admins"},
			About: "cluster-admin by RBAC; RBAC and flow control apply (the default)",
		},
		{Name: Admin, Groups: []string{"system:masters"}, About: "system:masters: no RBAC, no flow control"},
		{Name: Reader, Groups: []string{"lab:readers"}, About: "view: all but secrets; read-only in AWS"},
		{Name: Rewriter, Groups: []string{"lab:rewriters"}, About: "list and patch secrets, nothing else"},
		{Name: NoAccess, About: "can sign in, has no permissions"},
	}
	for i := range users {
		users[i].ARN = "arn:aws:iam::" + Account + ":user/" + users[i].Name
		users[i].Credentials = NewCredentials()
	}
	return users
}

// NewCredentials returns a random long-lived access key in AWS's format.
func NewCredentials() Credentials {
	random := make([]byte, 40)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random)
	return Credentials{AccessKeyID: "AKIA" + text[:16], SecretAccessKey: text[16:56]}
}

// FindUser returns the user of that name, or the lab's default user if name is empty.
func (c *Config) FindUser(name string) (User, error) {
	if name == "" {
		name = c.DefaultUser
	}
	var names []string
	for _, u := range c.Users {
		if u.Name == name {
			return u, nil
		}
		names = append(names, u.Name)
	}
	return User{}, fmt.Errorf("unknown user %q; the lab has %s", name, strings.Join(names, ", "))
}
