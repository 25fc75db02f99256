package evidence

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/attest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

type verifyOptions struct {
	factory *cmdutil.Factory
	file    string
	key     string
}

func newVerifyCmd(f *cmdutil.Factory) *cobra.Command {
	o := &verifyOptions{factory: f}
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check the signature and the content of an evidence file, and show what it proves",
		Long: `Checks an evidence file: the signature, the form of envelope and statement, that the
subjects are the clusters of the report, and that the report does not contradict itself.
Then it shows what the evidence proves: clusters, verdict, time, caller and servers. A
file in which one byte was changed fails.

With a public key or a certificate in a PEM file, it calls nothing and needs no
kubeconfig. With a KMS key, it calls kms:GetPublicKey with the AWS configuration. A valid
signature proves that the holder of the key signed this report. Get the public key from
that holder, not from the sender of the file. docs/evidence.md has the same check with
openssl.

Exit codes: 0 verified; 1 a check failed; 2 it could not run; 3 the file is not signed,
or --key was not given.`,
		Example: `  # With the public key in a file
  kubectl eks-encrypt evidence verify rewrite.json --key evidence.pub.pem

  # With a key in KMS, as JSON
  kubectl eks-encrypt evidence verify audit.json --key alias/evidence --region eu-central-1 -o json`,
		Args: oneFile,
		RunE: cmdutil.Check(func(cmd *cobra.Command, args []string) error {
			o.file = args[0]
			return o.run(cmd.Context())
		}),
	}
	cmd.Flags().StringVar(&o.key, "key", "",
		"Key that must have signed the file: a PEM file with a public key or a certificate, or a KMS key")
	return cmd
}

// oneFile is a cobra.PositionalArgs that requires FILE.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmdutil.UsageErrorf("FILE is required")
	}
	return cmdutil.AtMostOneArg(cmd, args)
}

// maxFile is in bytes. An audit of ten thousand clusters is smaller.
const maxFile = 512 << 20

func (o *verifyOptions) run(ctx context.Context) error {
	file, err := readFile(o.file)
	if err != nil {
		return err
	}
	key, err := o.readKey(ctx)
	if err != nil {
		return err
	}
	report := attest.Check(o.file, file, key)
	report.Provenance = o.factory.Provenance(nil, nil, nil)
	if err := o.factory.Print(report, func(w io.Writer, colour output.Colour, _ bool) error {
		return output.EvidenceText(w, report, colour)
	}); err != nil {
		return err
	}
	return resultError(report)
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // the file is only read
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB", name, maxFile>>20)
	}
	return raw, err
}

// readKey returns the key of --key, or nil without it.
func (o *verifyOptions) readKey(ctx context.Context) (*attest.Key, error) {
	if o.key == "" {
		return nil, nil
	}
	if cmdutil.IsKMSKey(o.key) {
		return o.readKMSKey(ctx)
	}
	text, err := cmdutil.ReadKeyFile(o.key)
	key := &attest.Key{Name: o.key}
	if err == nil {
		key.Public, err = attest.ParsePublicKey(text)
	}
	if err != nil {
		return nil, fmt.Errorf("--key %s: %w", o.key, err)
	}
	return key, nil
}

func (o *verifyOptions) readKMSKey(ctx context.Context) (*attest.Key, error) {
	clients, err := o.factory.KeyClients(ctx, o.key, "")
	if err != nil {
		return nil, err
	}
	ref, err := kms.ParseRef(o.key)
	if err != nil {
		return nil, err
	}
	arn, public, err := kms.PublicKey(ctx, clients.KMS(ref.Region), o.key)
	if err != nil {
		return nil, fmt.Errorf("--key: %w", err)
	}
	return &attest.Key{Name: arn, Public: public}, nil
}

// resultError maps the result to the exit code.
func resultError(r *v1alpha1.EvidenceReport) error {
	switch r.Result {
	case v1alpha1.EvidenceVerified:
		return nil
	case v1alpha1.EvidenceUnsigned:
		return cmdutil.WithCode(cmdutil.ExitUnknown, errors.New("the evidence is not signed, so it proves nothing"))
	case v1alpha1.EvidenceNotChecked:
		return cmdutil.WithCode(cmdutil.ExitUnknown, hint.New("the signature was not checked, so the evidence proves nothing",
			"pass --key with the public key of the signer, or with the KMS key"))
	}
	failed := r.Checks[len(r.Checks)-1]
	return cmdutil.WithCode(cmdutil.ExitFinding, fmt.Errorf("the evidence does not verify: %s: %s", failed.Name,
		failed.Message))
}
