package daemon

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

const (
	eksService = "eks.amazonaws.com"
	// serviceAccount owns the AWS-owned key. No user of the lab belongs to this
	// account, so no API returns the key.
	serviceAccount = "000000000000"
	awsOwnedKeyID  = "aaaaaaaa-0000-4000-8000-00000000e500"
	customerKeyID  = "11112222-3333-4444-5555-666677778888"
)

func awsOwnedKey() fakeaws.Key {
	return fakeaws.Key{
		ID: awsOwnedKeyID, Region: state.Region, Account: serviceAccount, Manager: "AWS", RotationDays: 365,
		Description: "the key that EKS owns",
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
			`"Principal":{"Service":"` + eksService + `"},"Action":"kms:*","Resource":"*"}]}`,
	}
}

// openAWS loads the saved state of the AWS endpoints, or creates a new one.
func (l *Lab) openAWS() error {
	l.aws = fakeaws.New(fakeaws.Options{
		AssociationTime: l.config.AssociationTime,
		OnAssociate:     l.associate,
		Save:            func(data []byte) error { return state.WriteFile(l.dir.AWSFile(), data) },
	})
	data, err := os.ReadFile(l.dir.AWSFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l.fillAWS()
	case err != nil:
		return err
	}
	if err := l.aws.Load(data); err != nil {
		return fmt.Errorf("load %s: %w", l.dir.AWSFile(), err)
	}
	return l.aws.Update(func(w *fakeaws.State) {
		l.setEndpoint(w)
		l.faults = savedFaults(w, l.config)
	})
}

// fillAWS creates the users, the keys, the real cluster and the simulated ones.
func (l *Lab) fillAWS() error {
	now := time.Now().UTC().Truncate(time.Second)
	if err := l.aws.Update(func(w *fakeaws.State) {
		service := l.config.Service
		w.AddPrincipal(fakeaws.Principal{
			ARN: eksService, AccessKeyID: service.AccessKeyID, SecretAccessKey: service.SecretAccessKey,
		})
		for _, u := range l.config.Users {
			w.AddPrincipal(fakeaws.Principal{
				ARN: u.ARN, AccessKeyID: u.AccessKeyID, SecretAccessKey: u.SecretAccessKey, Policy: policyOf(u.Name),
			})
		}
		w.AddKey(awsOwnedKey())
		key := w.AddKey(fakeaws.Key{
			ID: customerKeyID, Region: state.Region, Account: state.Account, RotationDays: 365,
			Description: "to associate with the lab's cluster", CreatedAt: now,
		})
		w.AddAlias(fakeaws.Alias{Name: "alias/lab", Region: state.Region, Account: state.Account, Target: key.ID})
		l.config.CustomerKey = key.ARN()
		w.Regions = append(w.Regions, fakeaws.Region{Name: state.Region})
		w.AddCluster(fakeaws.Cluster{
			Name: state.ClusterName, Region: state.Region, Account: state.Account, Version: l.config.Version,
			PlatformVersion: "eks.4", CreatedAt: now,
		})
		l.setEndpoint(w)
	}); err != nil {
		return err
	}
	if _, err := l.aws.AddFleet(fakeaws.FleetOptions{Account: state.Account, Now: now}); err != nil {
		return err
	}
	return l.config.Save(l.dir)
}

// setEndpoint sets the endpoint and the CA that DescribeCluster returns for the real cluster.
func (l *Lab) setEndpoint(w *fakeaws.State) {
	cluster := w.Clusters[state.ClusterARN]
	cluster.Endpoint = l.config.Ports.APIServerURL()
	if ca, err := os.ReadFile(pki.Folder(l.dir.PKI()).Cert(pki.CA)); err == nil { // prepare created it
		cluster.CA = base64.StdEncoding.EncodeToString(ca)
	}
}

// policyOf returns the IAM policy of the user.
func policyOf(user string) []fakeaws.Statement {
	allow := func(actions ...string) []fakeaws.Statement {
		return []fakeaws.Statement{{Effect: "Allow", Action: actions, Resource: fakeaws.StringSet{"*"}}}
	}
	switch user {
	case state.Admin, state.ClusterAdmin:
		return allow("*")
	case state.Reader:
		return allow("eks:Describe*", "eks:List*", "kms:DescribeKey", "kms:List*", "kms:Get*",
			"ec2:DescribeRegions", "account:ListRegions")
	case state.Rewriter:
		return allow("eks:DescribeCluster", "eks:ListUpdates", "eks:DescribeUpdate", "kms:DescribeKey")
	}
	return nil
}
