package fakeaws

import "slices"

const (
	inProgress      = "InProgress"
	associationType = "AssociateEncryptionConfig"
)

type associateInput struct {
	ClientRequestToken string             `json:"clientRequestToken"`
	EncryptionConfig   []encryptionConfig `json:"encryptionConfig"`
}

type encryptionConfig struct {
	Resources []string `json:"resources"`
	Provider  *struct {
		KeyARN string `json:"keyArn"`
	} `json:"provider"`
}

// associate starts an association. The exception names follow the operation's model. The
// messages are those that were recorded, where a recording is known.
func (s *Server) associate(c *call) (any, *apiError) {
	var in associateInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	wanted := ""
	if len(in.EncryptionConfig) == 1 && in.EncryptionConfig[0].Provider != nil {
		wanted = in.EncryptionConfig[0].Provider.KeyARN
	}
	cluster, failure := s.cluster(c, associationType, map[string]string{"eks:encryptionConfigProviderKeyArns": wanted})
	if failure != nil {
		return nil, failure
	}
	if failure := in.check(wanted); failure != nil {
		return nil, failure
	}
	for _, u := range cluster.Updates {
		if in.ClientRequestToken != "" && u.Token == in.ClientRequestToken {
			return object{"update": u.describe()}, nil
		}
	}
	if failure := cluster.ready(); failure != nil {
		return nil, failure
	}
	key, failure := s.associable(c, wanted)
	if failure != nil {
		return nil, failure
	}
	if failure := s.roleUses(cluster, key); failure != nil {
		return nil, failure
	}
	u := &Update{
		ID: s.newUUID(), Type: associationType, Status: inProgress, CreatedAt: s.opts.Now(),
		KeyARN: key.ARN(), Token: in.ClientRequestToken, Running: true,
		Params: []UpdateParam{{Type: "EncryptionConfig", Value: encodeParam(wanted)}},
	}
	cluster.Updates = append(cluster.Updates, u)
	s.grantToEKS(c, cluster, key)
	s.apply(cluster, u)
	return object{"update": u.describe()}, nil
}

func (in associateInput) check(keyARN string) *apiError {
	switch {
	case len(in.EncryptionConfig) == 0:
		return failf(400, "InvalidParameterException", "EncryptionConfig is required")
	case len(in.EncryptionConfig) > 1:
		return failf(400, "InvalidParameterException", "Only one encryptionConfig is allowed")
	case keyARN == "":
		return failf(400, "InvalidParameterException", "KeyArn is required")
	case slices.ContainsFunc(in.EncryptionConfig[0].Resources, func(r string) bool { return r != "secrets" }):
		return failf(400, "InvalidParameterException", "Invalid resources, only secrets is supported")
	}
	return nil
}

// ready returns an error if an association cannot start. An association in progress gives
// ResourceInUseException, another update InvalidRequestException; EKS uses both for "another
// update is in progress".
func (c *Cluster) ready() *apiError {
	if c.ConnectorProvider != "" || c.OutpostARN != "" {
		return failf(400, "InvalidRequestException", "Encryption config cannot be associated with cluster %s", c.Name)
	}
	if c.KeyARN != "" {
		return failf(400, "InvalidParameterException", "Encryption is already enabled on the cluster")
	}
	for _, u := range c.Updates {
		switch {
		case u.Status != inProgress:
		case u.Type == associationType:
			return failf(409, "ResourceInUseException",
				"Cannot AssociateEncryptionConfig because cluster %s currently has update %s in progress", c.Name, u.ID)
		default:
			return failf(400, "InvalidRequestException",
				"Cannot AssociateEncryptionConfig because cluster %s currently has update %s in progress", c.Name, u.ID)
		}
	}
	if c.Status != "ACTIVE" {
		return failf(400, "InvalidRequestException", "Cluster status is not ACTIVE: %s", c.Status)
	}
	return nil
}

// associable returns the key if EKS accepts it. If the caller lacks a KMS permission, the
// error is InvalidRequestException, not AccessDenied.
func (s *Server) associable(c *call, id string) (*Key, *apiError) {
	if parseARN(id).Service != "kms" && !isAlias(id) {
		return nil, failf(400, "InvalidParameterException", "The keyArn for encryptionConfig is invalid.")
	}
	key := s.findKey(c, id)
	if key == nil {
		return nil, failf(400, "InvalidParameterException", "The KeyArn in encryptionConfig provider %s is not found.", id)
	}
	via := map[string]string{
		"kms:ViaService":       "eks." + c.region + ".amazonaws.com",
		"kms:GranteePrincipal": eksService,
		"kms:GrantOperations":  "Encrypt,Decrypt,DescribeKey",
		// EKS does not support kms:GrantIsForAWSResource (EKS User Guide, "Enable secrets
		// encryption"), so it is absent.
	}
	for _, action := range []string{"DescribeKey", "CreateGrant"} {
		failure := s.permitKey(c, key, "kms:"+action, via)
		if failure == nil && action == "CreateGrant" && key.Manager == "AWS" {
			failure = &apiError{} // the policies of AWS-managed keys allow no grants
		}
		if failure != nil {
			return nil, failf(400, "InvalidRequestException", "User not authorized to perform kms:%s operation", action)
		}
	}
	switch {
	case key.Spec != "SYMMETRIC_DEFAULT" || key.Usage != "ENCRYPT_DECRYPT":
		return nil, failf(400, "InvalidParameterException",
			"The keyArn for encryptionConfig must be a symmetric encryption key")
	case !key.enabled():
		return nil, failf(400, "InvalidRequestException", "The key %s is not enabled", key.ARN())
	}
	return key, nil
}
