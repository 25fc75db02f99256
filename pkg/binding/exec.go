package binding

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

type tool int

const (
	toolOther tool = iota
	toolAWS
	toolAuthenticator
)

// execCall holds the arguments and environment of an exec credential plugin.
type execCall struct {
	tool                          tool
	clusterName, region, profile  string
	role, externalID, sessionName string
	endpointURL, caBundle         string
	// wrapper is the program that runs the plugin, if it may change the credentials. launcher is its command line up
	// to the plugin.
	wrapper, launcher string
	// env and unset are the changes of the shell's environment.
	env   map[string]string
	unset []string
}

// awsTool returns the plugin as awsclient knows it.
func (c execCall) awsTool() awsclient.Tool {
	switch c.tool {
	case toolAWS:
		return awsclient.ToolAWS
	case toolAuthenticator:
		return awsclient.ToolAuthenticator
	}
	return awsclient.ToolNone
}

// parseExec parses calls of aws eks get-token and aws-iam-authenticator token, also behind
// a wrapper such as env, aws-vault or sh -c.
func parseExec(e *clientcmdapi.ExecConfig) execCall { return parseExecIn(e, os.Environ()) }

// parseExecIn is parseExec in the environment of a shell.
func parseExecIn(e *clientcmdapi.ExecConfig, shell []string) execCall {
	budget := maxCommands
	r := reader{vars: newVariables(shell), budget: &budget}
	for _, v := range e.Env {
		r.vars.assign(v.Name, v.Value)
	}
	call, found := r.command(append([]string{e.Command}, e.Args...))
	if found {
		call.wrapper, call.launcher = r.wrapper, r.launcher
	}
	if call.caBundle != "" {
		r.vars.assign("AWS_CA_BUNDLE", call.caBundle)
	}
	call.env, call.unset = r.vars.changes()
	call.region = cmp.Or(call.region, call.env["AWS_REGION"], call.env["AWS_DEFAULT_REGION"])
	if !validRegion(call.region) {
		call.region = ""
	}
	return call
}

// maxCommands bounds the commands that are searched: a script can contain itself through a variable.
const maxCommands = 200

// reader follows a command line to the plugin that it starts.
type reader struct {
	vars              variables
	wrapper, launcher string
	budget            *int // shared by all copies
}

// try calls f with a copy of r, and keeps the changes if f has found the plugin.
func (r *reader) try(f func(*reader) (execCall, bool)) (execCall, bool) {
	c := *r
	c.vars = r.vars.clone()
	call, found := f(&c)
	if found {
		*r = c
	}
	return call, found
}

// command searches the words of a command for the plugin. It honors what env and shells
// do to the environment, and notes another program that runs the plugin as the wrapper.
func (r *reader) command(words []string) (execCall, bool) {
	if *r.budget--; *r.budget < 0 {
		return execCall{}, false
	}
	all, transparent := words, false
	for len(words) > 0 {
		name, rest := program(words[0]), words[1:]
		if call, found := r.plugin(name, all, words); found {
			return call, true
		}
		switch {
		case name == "env":
			rest, transparent = r.env(rest), false
		case isShell(name):
			if s, is := scriptOf(rest); is {
				s.shell = name
				call, found := r.script(s)
				r.launch(all, words)
				return call, found
			}
			r.wrap(name)
		case strings.ContainsAny(words[0], " \t\n"):
			if call, found := r.quoted(words[0]); found {
				r.launch(all, words)
				return call, true
			}
		case isTransparent(name):
			transparent = true
		case !transparent || !isOption(words[0]):
			transparent = false
			r.wrap(name)
		}
		words = rest
	}
	return execCall{}, false
}

// plugin returns the call if words[0] is the plugin, or an unknown name of the AWS CLI comes before.
func (r *reader) plugin(name string, all, words []string) (call execCall, found bool) {
	switch {
	case isAWS(name):
		call = parseAWS(words[1:])
	case isAuthenticator(name):
		call = parseAuthenticator(words[1:], &r.vars)
	case words[0] == "eks" && len(words) > 1 && words[1] == "get-token":
		if call = parseAWS(all[1:]); call.tool == toolOther { // with the global options that stand before
			call = parseAWS(words)
		}
		return call, call.tool != toolOther
	}
	if call.tool == toolOther {
		return call, false
	}
	r.launch(all, words)
	return call, true
}

// quoted searches a command in one word. Where the rules of the shell find none, white space splits the word: the
// backslashes of a Windows path are not escapes.
func (r *reader) quoted(word string) (execCall, bool) {
	call, found := r.try(func(c *reader) (execCall, bool) { return c.script(script{text: word, shell: c.wrapper}) })
	if !found {
		call, found = r.try(func(c *reader) (execCall, bool) { return c.command(strings.Fields(word)) })
	}
	return call, found
}

// wrap notes the wrapper, unless there is one already.
func (r *reader) wrap(name string) { r.wrapper = cmp.Or(r.wrapper, name) }

// launch notes the words before the plugin if they can start another command as well: aws-vault exec prod --.
func (r *reader) launch(all, words []string) {
	before := all[:max(0, len(all)-len(words))]
	if r.wrapper != "" && (slices.Contains(before, "--") || slices.Contains(before, "exec")) {
		r.launcher = shellescape.QuoteCommand(before)
	}
}

// program returns the name of an executable without its directory and extension.
func program(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".exe"), ".cmd")
}

// isTransparent reports whether a program runs another one with the same environment.
func isTransparent(program string) bool {
	switch program {
	case "exec", "command", "nohup", "nice", "timeout", "time", "stdbuf", "setsid", "winpty", "busybox":
		return true
	}
	return false
}

// isOption reports whether a word is an option or a number, such as the limit of timeout.
func isOption(word string) bool {
	return word != "" && (word[0] == '-' || word[0] >= '0' && word[0] <= '9')
}
