package association

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestUncertain checks that no later answer of EKS makes a lost one certain, except an association that is found.
func TestUncertain(t *testing.T) {
	const op = "AssociateEncryptionConfig"
	for _, lost := range []fakeaws.Fault{
		{Operation: op, Status: 500, Code: "ServerException", Times: 1}, {Operation: op, Status: -1, Times: 1},
	} {
		for _, then := range []fakeaws.Fault{
			{Status: 409, Code: "ResourceInUseException", Message: "cluster lab currently has update u in progress"},
			{Status: 400, Code: "InvalidRequestException", Message: "cluster lab currently has update u in progress"},
			{Status: 400, Code: "InvalidParameterException", Message: "Encryption is already enabled on the cluster"},
			{Status: 400, Code: "InvalidRequestException",
				Message: "User not authorized to perform kms:CreateGrant operation"},
			{Status: 403, Code: "AccessDeniedException"},
			{Status: 404, Code: "ResourceNotFoundException"},
			{Status: 429, Code: "ThrottlingException"},
			{Status: 403, Code: "UnrecognizedClientException"},
		} {
			a := newAWS(t)
			f := a.gather(t, a.key)
			then.Operation = op
			a.SetFaults([]fakeaws.Fault{lost, then})
			_, err := a.engine(f).Begin(t.Context())
			var uncertain *UncertainError
			if !errors.As(err, &uncertain) || hint.Of(err) == "" {
				t.Errorf("lost answer (%d), then %s: error = %v, want an uncertain one", lost.Status, then.Code, err)
			}
		}
	}
	t.Run("the association is found later", func(t *testing.T) {
		a := newAWS(t)
		e := a.engine(a.gather(t, a.key))
		e.EKS = &interceptor{e.EKS, func(ctx context.Context, associate func() (eks.Update, error)) (eks.Update, error) {
			if a.associations() == 0 {
				_, err := a.eks().Associate(ctx, a.ref(), a.key, "another-token")
				awstest.Must(t, err)
				a.SetFaults([]fakeaws.Fault{
					{Operation: op, Status: -1, Times: 1},
					{Operation: "ListUpdates", Status: 500, Code: "ServerException", Times: 2},
					{Operation: op, Status: 403, Code: "AccessDeniedException"},
				})
			}
			return associate()
		}}
		if begun, err := e.Begin(t.Context()); err != nil || !begun.Adopted {
			t.Errorf("begun = %+v, error = %v; want the running association", begun, err)
		}
	})
}

// handler handles a request that associates a key; associate sends it to EKS.
type handler func(ctx context.Context, associate func() (eks.Update, error)) (eks.Update, error)

// interceptor is an Associator that calls EKS, except that handle handles the requests that associate a key.
type interceptor struct {
	Associator
	handle handler
}

func (i *interceptor) Associate(ctx context.Context, cluster eks.Ref, keyARN, token string) (eks.Update, error) {
	return i.handle(ctx, func() (eks.Update, error) { return i.Associator.Associate(ctx, cluster, keyARN, token) })
}

// answer returns an interceptor whose requests end with an error and do not reach EKS.
func answer(e Associator, err error) *interceptor {
	return &interceptor{e, func(context.Context, func() (eks.Update, error)) (eks.Update, error) {
		return eks.Update{}, err
	}}
}

// TestUnclearAnswers checks that an answer that is not known to be a refusal is uncertain.
func TestUnclearAnswers(t *testing.T) {
	for _, err := range []error{
		awsclient.Explain(context.Canceled, awsclient.Operation{Name: "AssociateEncryptionConfig"}),
		awsclient.Explain(context.DeadlineExceeded, awsclient.Operation{Name: "AssociateEncryptionConfig"}),
		errors.New("AssociateEncryptionConfig of lab: the response contains no update"),
		awsclient.Explain(errors.New("deserialization failed"), awsclient.Operation{}),
	} {
		a := newAWS(t)
		e := a.engine(a.gather(t, a.key))
		e.EKS = answer(e.EKS, err)
		if _, got := e.Begin(t.Context()); !errors.As(got, new(*UncertainError)) {
			t.Errorf("answer %v: error = %v, want an uncertain one", err, got)
		}
	}
	a := newAWS(t)
	ctx, cancel := context.WithCancel(t.Context())
	e := a.engine(a.gather(t, a.key))
	e.EKS = &interceptor{e.EKS, func(context.Context, func() (eks.Update, error)) (eks.Update, error) {
		cancel()
		return eks.Update{}, fmt.Errorf("AssociateEncryptionConfig: %w", context.Canceled)
	}}
	if _, err := e.Begin(ctx); !errors.As(err, new(*UncertainError)) {
		t.Errorf("interrupted request: error = %v, want an uncertain one", err)
	}
}

// TestRefusals checks the text and the hint for refusals in the words that were recorded.
func TestRefusals(t *testing.T) {
	a := newAWS(t)
	f := a.gather(t, a.key)
	for _, test := range []struct {
		status              int
		code, message       string
		want, hint, without string
	}{
		{400, "InvalidParameterException", "The KeyArn in encryptionConfig provider " + a.key + " is not found.",
			"EKS cannot find the key", a.key, "not allowed"},
		{400, "InvalidParameterException", "Encryption is already enabled on the cluster", "has a key", "status",
			"another update"},
		{400, "InvalidRequestException", "User not authorized to perform kms:CreateGrant operation",
			"the caller is not allowed kms:CreateGrant", "kms:GrantIsForAWSResource", "another update"},
		{400, "InvalidRequestException", "User is not authorized to use " + a.key,
			"not allowed kms:CreateGrant and kms:DescribeKey", "IAM policy", "kms:eu on"},
		{400, "InvalidRequestException", "The key " + a.key + " is not enabled", "cannot use the key", "repair",
			"not allowed"},
		{409, "ResourceInUseException", "Cannot AssociateEncryptionConfig because cluster lab currently has update u in " +
			"progress", "another update", "wait", "not allowed"},
		{400, "InvalidParameterException", "The keyArn for encryptionConfig must be owned by caller's account.",
			"must be owned by caller's account", "", "another update"},
	} {
		a.SetFaults([]fakeaws.Fault{{
			Operation: "AssociateEncryptionConfig", Status: test.status, Code: test.code, Message: test.message,
		}})
		_, err := a.engine(f).Begin(t.Context())
		if !contains(err, test.want) || contains(err, test.without) || !strings.Contains(hint.Of(err), test.hint) ||
			errors.As(err, new(*UncertainError)) {
			t.Errorf("%s: error = %v, hint %q; want %q without %q, hint %q", test.message, err, hint.Of(err), test.want,
				test.without, test.hint)
		}
	}
}

// TestAliasReported checks a cluster and an update that name an alias of the key, as emulators do.
func TestAliasReported(t *testing.T) {
	a := newAWS(t)
	alias, err := a.AddAlias(fakeaws.Alias{
		Name: "alias/lab", Region: awstest.Region, Account: awstest.Account,
		Target: a.key[strings.LastIndexByte(a.key, '/')+1:],
	})
	awstest.Must(t, err)
	f := a.gather(t, a.key)
	awstest.Must(t, a.Update(func(state *fakeaws.State) { state.Clusters[a.arn].KeyARN = alias }))
	begun, err := a.engine(f).Begin(t.Context())
	if err != nil || !begun.Adopted {
		t.Errorf("begun = %+v, error = %v; want that the cluster has the key", begun, err)
	}
	if _, err := a.engine(f).Wait(t.Context(), ""); err != nil {
		t.Error(err)
	}
	if _, d := Plan(a.gather(t, a.key)); d != Done {
		t.Errorf("decision = %s, want Done", d)
	}
}

func TestAdoptByID(t *testing.T) {
	a := newAWS(t, func(c *fakeaws.Cluster) {
		c.Updates = []*fakeaws.Update{{ID: "v-1", Type: "VersionUpdate", Status: "Successful"}}
	})
	f := a.gather(t, a.key)
	begun, err := a.engine(f).Begin(t.Context())
	awstest.Must(t, err)
	e := &Engine{EKS: a.eks(), Cluster: f.Live, Now: a.clock.Now, Sleep: a.clock.Sleep}
	awstest.Must(t, e.Adopt(t.Context(), begun.UpdateID))
	if u, err := e.Wait(t.Context(), begun.UpdateID); err != nil || u.Status != "Successful" || e.KeyARN != a.key {
		t.Errorf("update = %+v, key = %s, error = %v; want a successful one of %s", u, e.KeyARN, err, a.key)
	}
	for id, want := range map[string]string{"nope": "has no update nope", "v-1": "not an association of a key"} {
		if err := e.Adopt(t.Context(), id); !contains(err, want) || hint.Of(err) == "" {
			t.Errorf("Adopt(%s) = %v, want %q", id, err, want)
		}
	}
	if n := awstest.Calls(a.Server, "AssociateEncryptionConfig"); n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig, want 1", n)
	}
	// EKS may not report the key of an update.
	awstest.Must(t, a.Update(func(state *fakeaws.State) { state.Clusters[a.arn].Updates[1].Params = nil }))
	e.KeyARN = ""
	awstest.Must(t, e.Adopt(t.Context(), begun.UpdateID))
	if _, err := e.Wait(t.Context(), begun.UpdateID); err != nil || e.KeyARN != a.key {
		t.Errorf("key = %s, error = %v; want %s", e.KeyARN, err, a.key)
	}
}
