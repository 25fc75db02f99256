package binding

import "strings"

// isAWS reports whether a program is the AWS CLI, also in the image amazon/aws-cli.
func isAWS(program string) bool {
	program, _, _ = strings.Cut(program, ":") // the tag of an image
	switch program {
	case "aws", "aws2", "awsv2", "aws-cli", "awscli":
		return true
	}
	return false
}

func isAuthenticator(program string) bool {
	return program == "aws-iam-authenticator" || program == "heptio-authenticator-aws"
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
		case "--ca-bundle":
			call.caBundle = value
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

func parseAuthenticator(args []string, vars *variables) execCall {
	call := execCall{}
	call.clusterName, _ = vars.get("KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID")
	call.role, _ = vars.get("DEFAULT_ROLE")
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
