package awsclient

import "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"

// CLI makes command lines of the AWS CLI for users to paste. They name the region and the profile, because the shell of
// the user may have others.
type CLI struct {
	// Region and Profile are the flags; empty ones are left out.
	Region, Profile string
}

// Command returns the command line with these words after "aws". Each word is quoted.
func (c CLI) Command(words ...string) string {
	line := "aws"
	for _, word := range words {
		line += " " + sanitize.Word(word)
	}
	for _, flag := range [][2]string{{"region", c.Region}, {"profile", c.Profile}} {
		if flag[1] != "" {
			line += " --" + flag[0] + " " + sanitize.Word(flag[1])
		}
	}
	return line
}

// CLI returns what makes command lines for the region with the profile of these clients. It names no profile if the
// credentials have another source, or if the AWS CLI finds the same profile in the shell.
func (c *Clients) CLI(region string) CLI {
	p := c.principal
	s := p.source
	if s.kind == fromFlagRole {
		s = s.base // the AWS CLI has no flag for a role
	}
	named := p.options.Profile != "" || p.options.Env["AWS_PROFILE"] != "" || p.options.Env["AWS_DEFAULT_PROFILE"] != ""
	if !named || s.profile == "" {
		return CLI{Region: region}
	}
	return CLI{Region: region, Profile: p.shared.Profile}
}
