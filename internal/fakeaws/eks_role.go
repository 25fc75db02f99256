package fakeaws

import "strings"

// asRole returns a call of KMS that EKS makes in a session of the cluster's role.
func (s *Server) asRole(cluster *Cluster, session string) *call {
	name := cluster.RoleARN[strings.LastIndexByte(cluster.RoleARN, '/')+1:]
	return &call{service: "kms", region: cluster.Region, caller: &Principal{
		ARN:  "arn:" + Partition(cluster.Region) + ":sts::" + cluster.Account + ":assumed-role/" + name + "/" + session,
		Role: cluster.RoleARN,
	}}
}

// roleUses returns the error of EKS if the cluster's role is denied one of the actions of RoleUsesKey.
func (s *Server) roleUses(cluster *Cluster, key *Key) *apiError {
	for _, action := range cluster.RoleUsesKey {
		if s.permitKey(s.asRole(cluster, "eks"), key, action, nil) != nil {
			return failf(400, "InvalidRequestException", "Role with arn: %s, could not be assumed because it does not exist "+
				"or the trusted entity is not correct", cluster.RoleARN)
		}
	}
	return nil
}

// CheckHealth does what EKS does every hour: it lists the grants of the cluster's key as the cluster's role. CloudTrail
// records the call, whether it is allowed or denied.
func (s *Server) CheckHealth(clusterARN string) error {
	return s.Update(func(w *State) {
		cluster := w.Clusters[clusterARN]
		key := w.Keys[cluster.KeyARN]
		c := s.asRole(cluster, "health-check-session")
		e := Event{
			ID: s.newUUID(), Region: key.Region, Account: cluster.Account, Name: "ListGrants", Source: "kms.amazonaws.com",
			Time: s.opts.Now(), Principal: c.caller.ARN, Role: cluster.RoleARN, InvokedBy: "eks.amazonaws.com",
			Address: "eks.amazonaws.com", KeyARN: key.ARN(),
		}
		if failure := s.permitKey(c, key, "kms:ListGrants", nil); failure != nil {
			e.ErrorCode, e.ErrorMessage = "AccessDenied", failure.message
		}
		w.AddEvent(e)
	})
}
