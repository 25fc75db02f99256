package awsclient

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/config"
)

// Pool makes clients that share credentials. Several kube contexts often have one source of credentials: it is resolved
// once, so that a person enters an MFA code once, and a credential_process runs once. The zero value is ready to use.
type Pool struct {
	mu      sync.Mutex
	entries map[string]*entry
	asking  sync.Mutex // one question at a time
}

// entry is one source of credentials.
type entry struct {
	mu      sync.Mutex // held while the credentials are resolved
	clients *Clients
	err     error
}

// New reads the configuration and retrieves the credentials, so that missing credentials fail before the first call.
// It returns an *Error of kind KindNoCredentials, KindExpiredCredentials, KindNoRegion or KindConfig, or another error
// if a file cannot be read.
func (pool *Pool) New(ctx context.Context, o Options) (*Clients, error) {
	o.Prompt = pool.serialize(o.Prompt)
	p, err := o.principal(ctx)
	if err != nil {
		return nil, err
	}
	region := p.region()
	if region == "" {
		return nil, &Error{
			Kind:    KindNoRegion,
			message: "no AWS region: neither the kube context nor the AWS configuration names one",
			hint:    "pass --region, or set AWS_REGION",
		}
	}
	if p.identity, err = p.identify(); err != nil {
		return nil, err
	}
	clients, err := pool.entry(p.identity).resolve(ctx, p)
	if err != nil {
		return nil, err
	}
	return clients.In(region), nil
}

func (pool *Pool) entry(identity string) *entry {
	pool.mu.Lock()
	defer pool.mu.Unlock()
	if pool.entries == nil {
		pool.entries = map[string]*entry{}
	}
	if pool.entries[identity] == nil {
		pool.entries[identity] = &entry{}
	}
	return pool.entries[identity]
}

// serialize returns a Prompt that asks one question at a time.
func (pool *Pool) serialize(prompt promptFunc) promptFunc {
	if prompt == nil {
		return nil
	}
	return func(ctx context.Context, question string) (string, error) {
		pool.asking.Lock()
		defer pool.asking.Unlock()
		return prompt(ctx, question)
	}
}

// resolve retrieves the credentials once. It remembers a failure, too, unless the next context may fare better: the
// time was up, or the STS of this region alone does not respond.
func (e *entry) resolve(ctx context.Context, p *principal) (*Clients, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.clients != nil || e.err != nil {
		return e.clients, e.err
	}
	cfg, err := p.config()
	if err == nil {
		if _, err = cfg.Credentials.Retrieve(ctx); err != nil {
			err = p.explainCredentials(err)
		}
	}
	if err == nil {
		e.clients = p.clients(cfg)
		return e.clients, nil
	}
	switch KindOf(err) {
	case KindTimeout, KindUnreachable, KindServer, KindThrottled, KindRegionDisabled:
	default:
		if !errors.Is(err, context.Canceled) {
			e.err = err
		}
	}
	return nil, err
}

// identify returns a hash of the source of the credentials and of what decides how calls travel. Contexts with the same
// one share credentials, also in different regions of a partition, and whether the kubeconfig or the shell sets a
// variable.
func (p *principal) identify() (string, error) {
	runsProgram := false
	for s := p.source; s != nil; s = s.base {
		runsProgram = runsProgram || s.kind == fromProcess
	}
	variables := maps.Clone(p.env)
	maps.DeleteFunc(variables, func(name, _ string) bool {
		switch name {
		case "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_STS_REGIONAL_ENDPOINTS", "AWS_PROFILE", "AWS_DEFAULT_PROFILE":
			return true
		case "HOME", "USERPROFILE":
			return false
		}
		upper := strings.ToUpper(name)
		return !runsProgram && !strings.HasPrefix(name, "AWS_") && !strings.HasSuffix(upper, "_PROXY")
	})
	o := p.options
	data, err := json.Marshal(struct {
		Source, Partition, RoleARN, ExternalID, EndpointURL, Version, Timeout string
		MaxAttempts                                                           int
		Shared                                                                config.SharedConfig
		Variables                                                             environment
	}{
		p.source.String(), partition(p.region()), o.RoleARN, o.ExternalID, o.EndpointURL, o.Version,
		o.RequestTimeout.String(), o.MaxAttempts, p.shared, variables,
	})
	if err != nil {
		return "", fmt.Errorf("identify the source of the AWS credentials: %w", err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data)), nil
}

// partition returns what the names of the regions of a partition share.
func partition(region string) string {
	first, rest, _ := strings.Cut(region, "-")
	second, _, _ := strings.Cut(rest, "-")
	switch {
	case first == "cn", first == "eusc":
		return first
	case second == "gov", strings.HasPrefix(second, "iso"):
		return first + "-" + second
	}
	return "aws"
}
