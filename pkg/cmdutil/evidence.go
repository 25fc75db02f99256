package cmdutil

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/attest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// EvidenceFlags are the flags of the commands that can write evidence.
type EvidenceFlags struct {
	File, SignWith string

	signer attest.Signer
	// signedBy names the key; "" if the evidence is not signed.
	signedBy string
}

// AddTo adds the flags to cmd.
func (e *EvidenceFlags) AddTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.File, "evidence", "",
		"Write the report to this new file, as evidence for auditors; contains no values. See docs/evidence.md")
	f.StringVar(&e.SignWith, "sign-with", "",
		"Sign the evidence with this key: a PEM file, or the ARN, ID or alias of a KMS key of usage SIGN_VERIFY")
}

// Validate checks the flags, and reads the key if it is a file.
func (e *EvidenceFlags) Validate() error {
	if e.File == "" {
		if e.SignWith != "" {
			return UsageErrorf("--sign-with needs --evidence")
		}
		return nil
	}
	if err := attest.CheckPath(e.File); err != nil {
		return WithCode(ExitUsage, fmt.Errorf("--evidence: %w", err))
	}
	if e.SignWith == "" || IsKMSKey(e.SignWith) {
		return nil
	}
	text, err := ReadKeyFile(e.SignWith)
	if err == nil {
		e.signer, err = attest.ParsePrivateKey(text)
	}
	if err != nil {
		return WithCode(ExitUsage, fmt.Errorf("--sign-with %s: %w", e.SignWith, err))
	}
	e.signedBy = e.SignWith
	return nil
}

// Prepare gets ready to sign: if the key is in KMS, it checks that the clients may sign with
// it. It is called before anything is changed.
func (e *EvidenceFlags) Prepare(ctx context.Context, clients *awsclient.Clients) error {
	if e.SignWith == "" || e.signer != nil || clients == nil {
		return nil
	}
	ref, err := kms.ParseRef(e.SignWith)
	if err != nil {
		return err
	}
	key, err := kms.NewSigningKey(ctx, clients.KMS(ref.Region), e.SignWith)
	if err != nil {
		return WithCode(ExitUsage, fmt.Errorf("--sign-with: %w", err))
	}
	e.signer, e.signedBy = key, key.ARN
	return nil
}

// PrepareAlone is Prepare for a command that does not use the clients of one cluster. The
// region is for a key whose name contains none; it may be empty.
func (e *EvidenceFlags) PrepareAlone(ctx context.Context, f *Factory, region string) error {
	if e.SignWith == "" || e.signer != nil {
		return nil
	}
	clients, err := f.KeyClients(ctx, e.SignWith, region)
	if err != nil {
		return err
	}
	return e.Prepare(ctx, clients)
}

// KeyClients returns clients for a KMS key that signs or has signed evidence. They use the AWS
// configuration and the flags for it, and no kubeconfig.
func (f *Factory) KeyClients(ctx context.Context, key, region string) (*awsclient.Clients, error) {
	b := f.WithoutContext()
	ref, err := kms.ParseRef(key)
	if err != nil {
		return nil, err
	}
	b.Region = cmp.Or(b.Region, ref.Region, region)
	err = f.Connect(ctx, b)
	if awsclient.KindOf(err) == awsclient.KindNoRegion {
		err = hint.Wrap(err, "use the ARN of the key, which contains its region")
	}
	return b.AWS, err
}

// signTimeout bounds the time for a signature. It also applies if the command was interrupted:
// evidence of an incomplete run is signed as well.
const signTimeout = 30 * time.Second

// Write writes the report to the file, if the flag was given. If it cannot be signed, it is
// written without a signature, since the run cannot be repeated, and Write returns an error.
func (e *EvidenceFlags) Write(ctx context.Context, f *Factory, report runtime.Object) error {
	if e.File == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), signTimeout)
	defer cancel()
	content, err := attest.Encode(ctx, report, e.signer)
	var unsigned error
	if err != nil && e.signer != nil && !errors.Is(err, attest.ErrNoSubject) {
		unsigned = err
		content, err = attest.Encode(ctx, report, nil)
	}
	if err == nil && e.signer == nil && e.SignWith != "" {
		err = errors.New("AWS could not be called, so the key was not checked")
	}
	if err == nil {
		err = attest.WriteFile(e.File, content)
	}
	switch {
	case errors.Is(err, attest.ErrNoSubject):
		return hint.Wrap(fmt.Errorf("no evidence was written: %w", err),
			"the guard of the report gives the reason, and must be Match")
	case err != nil:
		return fmt.Errorf("no evidence was written: %w", err)
	case unsigned != nil:
		return fmt.Errorf("evidence was written to %s WITHOUT a signature: %w", e.File, unsigned)
	}
	if err := attest.CheckConsistency(report); err != nil {
		f.Warn(fmt.Errorf("evidence verify will not accept %s: %w", e.File, err))
	}
	if n := attest.Unproven(report); n > 0 {
		fmt.Fprintf(f.ErrOut, "the evidence is not about %s of the report, because the guard is not Match\n",
			output.Count(n, "cluster"))
	}
	return e.announce(f)
}

// announce prints where the evidence is, and who can have changed it.
func (e *EvidenceFlags) announce(f *Factory) error {
	if e.signer == nil {
		fmt.Fprintf(f.ErrOut, "evidence written to %s; it is NOT signed, so anyone can change it: use --sign-with\n", e.File)
		return nil
	}
	id, err := attest.Fingerprint(e.signer.Public())
	fmt.Fprintf(f.ErrOut, "evidence written to %s, signed with %s (%s)\n", e.File, e.signedBy, id)
	return err
}

// IsKMSKey reports whether a key is named as KMS names it. Other names are files.
func IsKMSKey(name string) bool {
	_, err := kms.ParseRef(name)
	return err == nil
}

// maxKeyFile is in bytes, far above the size of any key.
const maxKeyFile = 64 << 10

// ReadKeyFile reads a key in a file or a pipe. If there is no file, the error names the other possibility.
func ReadKeyFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hint.New("neither a file nor a valid name of a KMS key",
			"a KMS key is arn:aws:kms:REGION:ACCOUNT:key/ID, a key ID, or alias/NAME")
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // the file is only read
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = errors.New("the file is too long for a key")
	}
	return text, err
}
