package state

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
)

// Credentials sign AWS calls.
type Credentials struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
}

// Person is an IAM user, and what the cluster makes of them.
type Person struct {
	Credentials
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// Groups the token webhook reports; RBAC binds to them.
	Groups []string `json:"groups,omitempty"`
	About  string   `json:"about"`
}

// Names of the lab's people.
const (
	Admin        = "admin"
	ClusterAdmin = "cluster-admin"
	Reader       = "reader"
	Rewriter     = "rewriter"
	Nobody       = "nobody"
)

// NewPeople makes the lab's people with fresh credentials.
func NewPeople() []Person {
	people := []Person{
		{Name: ClusterAdmin, Groups: []string{"lab:cluster-admins"}, About: "cluster-admin by RBAC; flow control and RBAC count (the default)"},
		{Name: Admin, Groups: []string{"system:masters"}, About: "system:masters: no RBAC, no flow control"},
		{Name: Reader, Groups: []string{"lab:readers"}, About: "view: everything but secrets; read-only on the AWS side"},
		{Name: Rewriter, Groups: []string{"lab:rewriters"}, About: "list and patch secrets, nothing else"},
		{Name: Nobody, About: "signs in, may do nothing"},
	}
	for i := range people {
		people[i].ARN = "arn:aws:iam::" + Account + ":user/" + people[i].Name
		people[i].Credentials = NewCredentials()
	}
	return people
}

// NewCredentials makes a long-lived access key in AWS's form.
func NewCredentials() Credentials {
	random := make([]byte, 40)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(random)
	return Credentials{AccessKeyID: "AKIA" + text[:16], SecretAccessKey: text[16:56]}
}

func (c *Config) names() string {
	var names []string
	for _, p := range c.People {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
