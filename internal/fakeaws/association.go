package fakeaws

import "fmt"

// eksService is the service principal that holds the grants on customer keys.
// Which grants EKS really makes is not documented.
const eksService = "eks.amazonaws.com"

// grantToEKS lets EKS use the customer's key.
func (s *Server) grantToEKS(c *call, cluster *Cluster, key *Key) {
	key.Grants = append(key.Grants, Grant{
		ID: hexSum(s.random(16)), Token: s.newUUID(), Name: "eks-" + cluster.Name, Grantee: eksService,
		Issuer: c.caller.ARN, Operations: []string{"Encrypt", "Decrypt", "DescribeKey"}, CreatedAt: s.opts.Now(),
	})
}

// apply makes an association real, beside the server. The caller holds mu.
func (s *Server) apply(cluster *Cluster, u *Update) {
	if s.opts.OnAssociate == nil {
		u.Applied = true
		return
	}
	arn, event := cluster.ARN(), AssociateEvent{
		UpdateID: u.ID, ClusterARN: cluster.ARN(), ClusterName: cluster.Name,
		Region: cluster.Region, Account: cluster.Account, KeyARN: u.KeyARN,
	}
	s.work.Go(func() {
		err := s.opts.OnAssociate(s.ctx, event)
		if s.ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.applied(arn, event.UpdateID, err)
	})
}

// applied records how OnAssociate ended. The world may have been replaced
// meanwhile, so the update is looked up again.
func (s *Server) applied(arn, updateID string, err error) {
	cluster := s.world.Clusters[arn]
	if cluster == nil {
		return
	}
	for _, u := range cluster.Updates {
		if u.ID != updateID || u.Status != inProgress {
			continue
		}
		u.Applied = true
		if err != nil {
			u.fail(UpdateError{Code: "Unknown", Message: fmt.Sprintf("the key could not be put to use: %v", err), ResourceIDs: []string{u.KeyARN}})
		}
	}
	s.settle(cluster)
	_ = s.save() // nobody is there to be told; the next change saves again
}

func (u *Update) fail(e UpdateError) {
	u.Status, u.Errors, u.Running = "Failed", []UpdateError{e}, false
}

// settle ends the cluster's associations whose time has come.
func (s *Server) settle(cluster *Cluster) {
	for _, u := range cluster.Updates {
		if !u.Running || !u.Applied || s.opts.Now().Sub(u.CreatedAt) < s.opts.AssociationTime {
			continue
		}
		if cluster.FailAssociation != nil {
			u.fail(*cluster.FailAssociation)
			continue
		}
		u.Status, u.Running = "Successful", false
		cluster.KeyARN = u.KeyARN
	}
}

func (s *Server) settleAll() {
	for _, cluster := range s.world.Clusters {
		s.settle(cluster)
	}
}
