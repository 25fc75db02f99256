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
	// serviceAccount owns the AWS-owned key; no caller of the lab is in it, so
	// no API shows the key.
	serviceAccount = "000000000000"
	awsOwnedKeyID  = "aaaaaaaa-0000-4000-8000-00000000e500"
	customerKeyID  = "11112222-3333-4444-5555-666677778888"
)

var awsOwnedKey = fakeaws.Key{
	ID: awsOwnedKeyID, Region: state.Region, Account: serviceAccount, Manager: "AWS", RotationDays: 365,
	Description: "the key that EKS owns",
	Policy:      `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + eksService + `"},"Action":"kms:*","Resource":"*"}]}`,
}

// openAWS loads the saved AWS side, or makes a fresh one.
func (l *Lab) openAWS() error {
	l.aws = fakeaws.New(fakeaws.Options{
		AssociationTime: l.config.AssociationTime,
		OnAssociate:     l.associate,
		Save:            func(data []byte) error { return state.WriteFile(l.dir.WorldFile(), data) },
	})
	data, err := os.ReadFile(l.dir.WorldFile())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return l.fillAWS()
	case err != nil:
		return err
	}
	if err := l.aws.Load(data); err != nil {
		return fmt.Errorf("%s: %w", l.dir.WorldFile(), err)
	}
	return l.aws.Update(func(w *fakeaws.World) {
		l.setEndpoint(w)
		l.switches = switchesOf(w, l.config)
	})
}

func (l *Lab) fillAWS() error {
	if err := l.aws.Update(func(w *fakeaws.World) {
		service := l.config.Service
		w.AddPrincipal(fakeaws.Principal{ARN: eksService, AccessKeyID: service.AccessKeyID, SecretAccessKey: service.SecretAccessKey})
		for _, p := range l.config.People {
			w.AddPrincipal(fakeaws.Principal{
				ARN: p.ARN, AccessKeyID: p.AccessKeyID, SecretAccessKey: p.SecretAccessKey, Policy: policyOf(p.Name),
			})
		}
		w.AddKey(awsOwnedKey)
		key := w.AddKey(fakeaws.Key{
			ID: customerKeyID, Region: state.Region, Account: state.Account, RotationDays: 365,
			Description: "to associate with the lab's cluster", CreatedAt: time.Now().UTC().Truncate(time.Second),
		})
		w.AddAlias(fakeaws.Alias{Name: "alias/lab", Region: state.Region, Account: state.Account, Target: key.ID})
		l.config.CustomerKey = key.ARN()
		w.Regions = append(w.Regions, fakeaws.Region{Name: state.Region})
		w.AddCluster(fakeaws.Cluster{
			Name: state.ClusterName, Region: state.Region, Account: state.Account, Version: state.Version,
			PlatformVersion: "eks.4", CreatedAt: time.Now().UTC().Truncate(time.Second),
		})
		l.setEndpoint(w)
	}); err != nil {
		return err
	}
	if _, err := l.aws.AddFleet(fakeaws.FleetOptions{Account: state.Account, Now: time.Now().UTC().Truncate(time.Second)}); err != nil {
		return err
	}
	return l.config.Save(l.dir)
}

// setEndpoint tells EKS where the one real cluster is.
func (l *Lab) setEndpoint(w *fakeaws.World) {
	cluster := w.Clusters[state.ClusterARN]
	cluster.Endpoint = l.config.Ports.APIServerURL()
	if ca, err := os.ReadFile(pki.Folder(l.dir.PKI()).Cert(pki.CA)); err == nil { // prepare has just made it
		cluster.CA = base64.StdEncoding.EncodeToString(ca)
	}
}

// policyOf is what the person may do on the AWS side.
func policyOf(person string) []fakeaws.Statement {
	allow := func(actions ...string) []fakeaws.Statement {
		return []fakeaws.Statement{{Effect: "Allow", Action: actions, Resource: fakeaws.StringSet{"*"}}}
	}
	switch person {
	case state.Admin, state.ClusterAdmin:
		return allow("*")
	case state.Reader:
		return allow("eks:Describe*", "eks:List*", "kms:DescribeKey", "kms:List*", "kms:Get*", "ec2:DescribeRegions", "account:ListRegions")
	case state.Rewriter:
		return allow("eks:DescribeCluster", "eks:ListUpdates", "eks:DescribeUpdate", "kms:DescribeKey")
	}
	return nil
}
