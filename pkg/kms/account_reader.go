package kms

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// AccountReader reads keys in one account and region. It lists the aliases of the first few keys
// for each key, and from then on those of all keys together: a region may have thousands of aliases
// for one key in use, or hundreds of keys in use.
type AccountReader struct {
	Reader
	// Account is the id of the account whose aliases Reader lists.
	Account string

	mu   sync.Mutex
	keys int // for which the aliases were listed

	once    sync.Once
	aliases map[string][]string // by key id
	err     error
}

var _ Reader = (*AccountReader)(nil)

// fewKeys is the number of keys whose aliases are listed one by one.
const fewKeys = 3

// ListAliases returns the aliases of one key, or none if another account owns the key: KMS
// does not list those.
func (r *AccountReader) ListAliases(
	ctx context.Context, in *kms.ListAliasesInput, o ...func(*kms.Options),
) (*kms.ListAliasesOutput, error) {
	key, err := arn.Parse(aws.ToString(in.KeyId))
	if err != nil {
		return nil, fmt.Errorf("listing the aliases of key %q: %w", aws.ToString(in.KeyId), err)
	}
	out := &kms.ListAliasesOutput{}
	if key.AccountID != r.Account {
		return out, nil
	}
	if in.Marker != nil || r.isFew() {
		return r.Reader.ListAliases(ctx, in, o...)
	}
	r.once.Do(func() { r.aliases, r.err = Aliases(ctx, r.Reader) })
	if r.err != nil {
		return nil, r.err
	}
	for _, name := range r.aliases[strings.TrimPrefix(key.Resource, "key/")] {
		out.Aliases = append(out.Aliases, kmstypes.AliasListEntry{AliasName: &name})
	}
	return out, nil
}

// isFew counts one more key and reports whether there are only a few so far.
func (r *AccountReader) isFew() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys++
	return r.keys <= fewKeys
}
