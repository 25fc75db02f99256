package fakeaws

import "fmt"

// eksService is the service principal that receives the grants on customer keys. AWS does
// not document which grants EKS creates.
const eksService = "eks.amazonaws.com"

// grantToEKS creates the grant that lets EKS use the customer's key.
func (s *Server) grantToEKS(c *call, cluster *Cluster, key *Key) {
	key.Grants = append(key.Grants, Grant{
		ID: hexSum(s.random(16)), Token: s.newUUID(), Name: "eks-" + cluster.Name, Grantee: eksService,
		Issuer: c.caller.ARN, Operations: []string{"Encrypt", "Decrypt", "DescribeKey"}, CreatedAt: s.opts.Now(),
	})
}

// apply starts OnAssociate in the background. The caller holds mu.
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

// applied records the result of OnAssociate. It looks the update up again, because Load may
// have replaced the state.
func (s *Server) applied(arn, updateID string, err error) {
	cluster := s.state.Clusters[arn]
	if cluster == nil {
		return
	}
	for _, u := range cluster.Updates {
		if u.ID != updateID || u.Status != inProgress {
			continue
		}
		u.Applied = true
		if err != nil {
			u.fail(UpdateError{
				Code: "Unknown", Message: fmt.Sprintf("the key could not be used: %v", err),
				ResourceIDs: []string{u.KeyARN},
			})
		}
	}
	s.settle(cluster)
	_ = s.save() // no caller to return the error to; the next change saves again
}

func (u *Update) fail(e UpdateError) {
	u.Status, u.Errors, u.Running = "Failed", []UpdateError{e}, false
}

// settle completes the cluster's associations that are applied and have taken their time.
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
	for _, cluster := range s.state.Clusters {
		s.settle(cluster)
	}
}
