package awsclient

import (
	"context"
	"time"
)

// Options configures the principal, the region and the endpoints of Clients.
type Options struct {
	// Tool is the program whose order of credential sources applies.
	Tool Tool
	// Region of the cluster; empty means the region of the AWS configuration.
	Region string
	// Profile is set by a flag: it wins over access keys in the environment.
	Profile string
	// RoleARN is a role to assume before any other call. ExternalID is what its trust policy may require.
	RoleARN, ExternalID string
	// EndpointURL replaces the endpoint of every service.
	EndpointURL string
	// Env contains environment variables that replace those of the process. A variable with an empty value is set, as
	// it is for the programs that kubectl starts.
	Env map[string]string
	// Unset lists variables of the process that do not apply.
	Unset []string
	// RequestTimeout limits one request; zero means 20 seconds.
	RequestTimeout time.Duration
	// Version of this tool, for the user agent.
	Version string
	// MaxAttempts limits the attempts of one call; zero means the limit of the AWS configuration.
	MaxAttempts int
	// Prompt asks for an MFA code; nil if there is no terminal.
	Prompt promptFunc
}

type promptFunc = func(ctx context.Context, question string) (string, error)
