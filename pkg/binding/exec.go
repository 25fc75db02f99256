package binding

import (
	"cmp"
	"strings"

	"github.com/google/shlex"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
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
	endpointURL                   string
	wrapper                       string
	env                           map[string]string
}

// parseExec parses calls of aws eks get-token and aws-iam-authenticator token, also behind
// a wrapper such as env, aws-vault or sh -c.
func parseExec(e *clientcmdapi.ExecConfig) execCall {
	env := map[string]string{}
	for _, v := range e.Env {
		env[v.Name] = v.Value
	}
	words := append([]string{e.Command}, e.Args...)
	call := execCall{}
	for i, word := range words {
		if i > 0 && strings.ContainsAny(word, " \t\n") { // sh -c "aws eks get-token …"
			if call = parseScript(word); call.tool != toolOther {
				call.wrapper = program(e.Command)
				break
			}
		}
		switch program(word) {
		case "aws":
			call = parseAWS(words[i+1:])
		case "aws-iam-authenticator", "heptio-authenticator-aws":
			call = parseAuthenticator(words[i+1:], env)
		}
		if call.tool == toolOther {
			continue
		}
		if i > 0 {
			call.wrapper = wrapperOf(words[:i], env)
		}
		break
	}
	for k, v := range env {
		if _, set := call.env[k]; !set {
			if call.env == nil {
				call.env = map[string]string{}
			}
			call.env[k] = v
		}
	}
	call.region = cmp.Or(call.region, env["AWS_REGION"], env["AWS_DEFAULT_REGION"])
	if !validRegion(call.region) {
		call.region = ""
	}
	return call
}

// parseScript parses the plugin call in a shell command. It splits at white space alone
// where that finds more: the backslashes of a Windows path are not escapes.
func parseScript(script string) execCall {
	for _, split := range []func(string) []string{shellWords, strings.Fields} {
		if call := parseExec(&clientcmdapi.ExecConfig{Command: "sh", Args: split(script)}); call.tool != toolOther {
			return call
		}
	}
	return execCall{}
}

func shellWords(script string) []string {
	words, err := shlex.Split(script)
	if err != nil { // an unclosed quote
		return nil
	}
	return words
}

// program returns the name of an executable without its directory and extension.
func program(path string) string {
	path = path[strings.LastIndexAny(path, `/\`)+1:]
	return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".exe"), ".cmd")
}

// wrapperOf returns the name of the program that runs the plugin. For env with assignments
// only, it returns "" and adds the assignments to the environment.
func wrapperOf(words []string, env map[string]string) string {
	if program(words[0]) != "env" {
		return program(words[0])
	}
	for _, word := range words[1:] {
		name, value, assigns := strings.Cut(word, "=")
		if !assigns {
			return "env"
		}
		env[name] = value
	}
	return ""
}

// awsOptions are the options of the AWS CLI that take a value, before or after the command.
// The CLI accepts any unambiguous prefix: update-kubeconfig itself writes --role for --role-arn.
var awsOptions = []string{
	"--region", "--profile", "--cluster-name", "--cluster-id", "--role-arn", "--output", "--query", "--endpoint-url",
	"--color", "--ca-bundle", "--cli-read-timeout", "--cli-connect-timeout", "--cli-binary-format",
	"--cli-auto-prompt",
}

func parseAWS(args []string) execCall {
	call := execCall{}
	var words []string
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "--") {
			words = append(words, args[i])
			continue
		}
		name, value, joined := strings.Cut(args[i], "=")
		name = complete(name, awsOptions)
		if name == "" {
			continue // a switch
		}
		if !joined && i+1 < len(args) {
			i++
			value = args[i]
		}
		switch name {
		case "--region":
			call.region = value
		case "--profile":
			call.profile = value
		case "--cluster-name":
			call.clusterName = value
		case "--role-arn":
			call.role = value
		case "--endpoint-url":
			call.endpointURL = value
		}
	}
	if len(words) < 2 || words[0] != "eks" || words[1] != "get-token" {
		return execCall{}
	}
	if !validName(call.clusterName) {
		call.clusterName = ""
	}
	call.tool = toolAWS
	return call
}

// complete returns the option that equals word or is the only one with the prefix word,
// and "" if there is no such option.
func complete(word string, options []string) string {
	match := ""
	for _, o := range options {
		if o == word {
			return o
		}
		if strings.HasPrefix(o, word) {
			if match != "" {
				return ""
			}
			match = o
		}
	}
	return match
}

func parseAuthenticator(args []string, env map[string]string) execCall {
	call := execCall{clusterName: env["KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID"], role: env["DEFAULT_ROLE"]}
	fields := map[string]*string{
		"-i": &call.clusterName, "--cluster-id": &call.clusterName, "-r": &call.role, "--role": &call.role,
		"-e": &call.externalID, "--external-id": &call.externalID,
		"-s": &call.sessionName, "--session-name": &call.sessionName, "--region": &call.region,
	}
	token := false
	for i := 0; i < len(args); i++ {
		arg := args[i]
		name, value, joined := strings.Cut(arg, "=")
		if !strings.HasPrefix(arg, "--") && len(arg) > 2 && arg[0] == '-' { // -iNAME and -i=NAME
			name, value, joined = arg[:2], strings.TrimPrefix(arg[2:], "="), true
		}
		field := fields[name]
		switch {
		case field == nil:
			token = token || arg == "token"
		case joined:
			*field = value
		case i+1 < len(args):
			i++
			*field = args[i]
		}
	}
	if !token {
		return execCall{}
	}
	call.tool = toolAuthenticator
	return call
}
