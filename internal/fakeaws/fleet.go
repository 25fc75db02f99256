package fakeaws

import (
	"encoding/json"
	"slices"
	"time"
)

// FleetOptions place the demonstration fleet. The defaults are account 111122223333 in
// eu-central-1 and us-east-1, with a key in account 444455556666.
type FleetOptions struct {
	Account, OtherAccount string
	Regions               [2]string
	// Now is the reference time of all dates in the fleet.
	Now time.Time
}

func (o FleetOptions) withDefaults() FleetOptions {
	if o.Account == "" {
		o.Account = "111122223333"
	}
	if o.OtherAccount == "" {
		o.OtherAccount = "444455556666"
	}
	if o.Regions[0] == "" {
		o.Regions[0] = "eu-central-1"
	}
	if o.Regions[1] == "" {
		o.Regions[1] = "us-east-1"
	}
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	}
	return o
}

// AddFleet adds clusters that exist only in the EKS API: old and new versions, with and
// without a key, with broken keys, not run by EKS, being updated, and managed by the tools
// that set tags. It returns the expected result for each.
func (s *Server) AddFleet(o FleetOptions) (expected []Expected, err error) {
	o = o.withDefaults()
	err = s.Update(func(w *State) {
		f := fleet{state: w, FleetOptions: o}
		f.healthy()
		f.brokenKeys()
		f.foreign()
		f.updating()
		f.managed()
		f.others()
		for _, c := range f.added {
			expected = append(expected, w.expected(c))
		}
		w.addRegions(o.Regions[:]...)
	})
	return expected, err
}

type fleet struct {
	state *State
	FleetOptions
	added []*Cluster
}

// add adds a cluster, with its key unless that is nil, to region 0 or 1.
func (f *fleet) add(region int, c Cluster, key *Key) *Cluster {
	c.Account, c.Region = f.Account, f.Regions[region]
	if key != nil {
		key.Region = c.Region
		if key.Account == "" {
			key.Account = f.Account
		}
		key.CreatedAt = f.Now.AddDate(0, -6, 0)
		added := f.state.AddKey(*key)
		*key = *added
		c.KeyARN = added.ARN()
		f.state.AddAlias(Alias{Name: "alias/eks/" + c.Name, Region: added.Region, Account: added.Account,
			Target: added.ID})
	}
	added := f.state.AddCluster(c)
	f.added = append(f.added, added)
	return added
}

func (f *fleet) healthy() {
	f.add(0, Cluster{Name: "legacy-126", Version: "1.26", PlatformVersion: "eks.32"}, nil)
	f.add(0, Cluster{Name: "legacy-127-cmk", Version: "1.27", PlatformVersion: "eks.28"}, &Key{RotationDays: 365})
	f.add(0, Cluster{Name: "payments-128", Version: "1.28"}, nil)
	f.add(0, Cluster{Name: "payments-prod", Version: "1.31", AutoMode: true}, &Key{RotationDays: 180})
	f.add(1, Cluster{Name: "web-135", Version: "1.35"}, nil)
	f.add(1, Cluster{Name: "web-135-cmk", Version: "1.35"}, &Key{})
}

func (f *fleet) brokenKeys() {
	issue := func(code string, key *Key) []HealthIssue {
		return []HealthIssue{{Code: code, Message: "Internal failure encountered when trying to validate resources",
			ResourceIDs: []string{key.ARN()}}}
	}
	disabled := &Key{State: "Disabled", RotationDays: 365}
	f.add(0, Cluster{Name: "disabled-key", Version: "1.31"}, disabled).Health = issue("KmsKeyDisabled", disabled)
	// Health is delayed by hours: this cluster does not report the problem yet.
	doomed := &Key{State: "PendingDeletion", DeletionDate: f.Now.AddDate(0, 0, 12), RotationDays: 365}
	f.add(1, Cluster{Name: "key-pending-deletion", Version: "1.35"}, doomed)
}

// foreign adds a cluster with the key of an account that denies access to it.
func (f *fleet) foreign() {
	f.add(0, Cluster{Name: "other-accounts-key", Version: "1.31"}, &Key{Account: f.OtherAccount, RotationDays: 365})
}

func (f *fleet) updating() {
	at := f.Now.Add(-40 * time.Minute)
	busy := f.add(1, Cluster{Name: "update-in-progress", Version: "1.35", Status: "UPDATING"}, nil)
	key := f.state.AddKey(Key{Region: busy.Region, Account: f.Account, RotationDays: 365})
	busy.Updates = append(busy.Updates, associationOf(busy, key.ARN(), inProgress, at))
	failed := f.add(0, Cluster{Name: "update-failed", Version: "1.31"}, nil)
	key = f.state.AddKey(Key{Region: failed.Region, Account: f.Account, State: "Disabled"})
	u := associationOf(failed, key.ARN(), "Failed", at)
	u.Errors = []UpdateError{{Code: "Unknown", Message: "The key " + key.ARN() + " could not be used",
		ResourceIDs: []string{key.ARN()}}}
	failed.Updates = append(failed.Updates, u)
}

func (f *fleet) managed() {
	f.add(0, Cluster{Name: "palette-prod", Version: "1.31", Tags: map[string]string{
		"spectro__ownerUid": "5f1a2b3c4d5e6f7a8b9c0d1e", "spectro__clusterUid": "64f0a1b2c3d4e5f6a7b8c9d0",
		"sigs.k8s.io/cluster-api-provider-aws/cluster/palette-prod": "owned",
		"sigs.k8s.io/cluster-api-provider-aws/role":                 "common",
		"Name": "palette-prod",
	}}, nil)
	f.add(1, Cluster{Name: "eksctl-dev", Version: "1.35", Tags: map[string]string{
		"alpha.eksctl.io/cluster-name": "eksctl-dev", "alpha.eksctl.io/eksctl-version": "0.229.0",
		"alpha.eksctl.io/cluster-oidc-enabled": "true",
		"aws:cloudformation:stack-name":        "eksctl-eksctl-dev-cluster",
		"aws:cloudformation:logical-id":        "ControlPlane",
		"aws:cloudformation:stack-id": "arn:aws:cloudformation:" + f.Regions[1] + ":" + f.Account +
			":stack/eksctl-eksctl-dev-cluster/0a1b2c3d",
	}}, nil)
	f.add(1, Cluster{Name: "cfn-shop", Version: "1.31", Tags: map[string]string{
		"aws:cloudformation:stack-name": "shop", "aws:cloudformation:logical-id": "Cluster",
		"aws:cloudformation:stack-id": "arn:aws:cloudformation:" + f.Regions[1] + ":" + f.Account +
			":stack/shop/1a2b3c4d",
	}}, &Key{RotationDays: 365})
}

// others adds clusters whose control plane EKS does not run.
func (f *fleet) others() {
	f.add(0, Cluster{Name: "connected-gke", ConnectorProvider: "GKE"}, nil)
	f.add(1, Cluster{Name: "outpost-local", Version: "1.31",
		OutpostARN: "arn:aws:outposts:" + f.Regions[1] + ":" + f.Account + ":outpost/op-0a1b2c3d4e5f60718"}, nil)
}

// associationOf returns an association that the Server does not change.
func associationOf(c *Cluster, keyARN, status string, at time.Time) *Update {
	return &Update{
		ID: uuidOf(c.ARN() + status), Type: associationType, Status: status, CreatedAt: at, KeyARN: keyARN,
		Params: []UpdateParam{{Type: "EncryptionConfig", Value: encodeParam(keyARN)}},
	}
}

// encodeParam returns the parameter of an association update as EKS does: a JSON document
// in a string.
func encodeParam(keyARN string) string {
	data, err := json.Marshal([]object{{"resources": []string{"secrets"}, "provider": object{"keyArn": keyARN}}})
	if err != nil {
		panic("fakeaws: " + err.Error()) // encoding strings cannot fail
	}
	return string(data)
}

// addRegions adds regions to the list, unless they are in it.
func (w *State) addRegions(names ...string) {
	for _, name := range names {
		if !slices.ContainsFunc(w.Regions, func(r Region) bool { return r.Name == name }) {
			w.Regions = append(w.Regions, Region{Name: name})
		}
	}
}
