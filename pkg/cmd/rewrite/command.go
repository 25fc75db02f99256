package rewrite

import "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"

// command returns a command line of this tool that examines the same objects in the same way. cmdutil adds the flags
// that select the cluster.
func (o *sharedOptions) command(words ...string) string {
	add := func(set bool, flag string, value ...string) {
		if set {
			words = append(append(words, flag), value...)
		}
	}
	add(o.allResources, "--all-resources")
	for _, name := range o.resources {
		add(true, "--resources", name)
	}
	add(o.namespace != "", "-n", o.namespace)
	add(o.selector != "", "-l", o.selector)
	add(o.noRecord, "--no-record")
	add(o.trustEndpoint, "--trust-endpoint")
	return cmdutil.CommandLine(words...)
}
