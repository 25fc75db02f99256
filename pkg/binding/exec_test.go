package binding

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

func exec(line string, env ...string) *clientcmdapi.ExecConfig {
	words := strings.Fields(line)
	e := &clientcmdapi.ExecConfig{Command: words[0], Args: words[1:]}
	for _, pair := range env {
		name, value, _ := strings.Cut(pair, "=")
		e.Env = append(e.Env, clientcmdapi.ExecEnvVar{Name: name, Value: value})
	}
	return e
}

func TestParseExec(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/r"
	tests := []struct {
		name string
		exec *clientcmdapi.ExecConfig
		want execCall
	}{
		{"as update-kubeconfig writes it",
			exec("aws --region us-west-2 eks get-token --cluster-name lab --output json"),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2"}},
		{"with the abbreviated role",
			exec("aws --region us-west-2 eks get-token --cluster-name lab --output json --role " + role),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2", role: role}},
		{"role-arn joined", exec("aws eks get-token --cluster-name=lab --region=us-west-2 --role-arn=" + role),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2", role: role}},
		{"global profile and endpoint",
			exec(
				"/usr/local/bin/aws --profile p --endpoint-url http://x " +
					"--region us-west-2 eks get-token --cluster-name lab"),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2", profile: "p", endpointURL: "http://x"}},
		{"on Windows", exec(`C:\Tools\AWS.EXE --region us-west-2 eks get-token --cluster-name lab`),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2"}},
		{"a local cluster on Outposts has an id", exec("aws --region us-west-2 eks get-token --cluster-id 0123"),
			execCall{tool: toolAWS, region: "us-west-2"}},
		{"a switch without a value",
			exec("aws --no-verify-ssl --region us-west-2 eks get-token --debug --cluster-name lab"),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2"}},
		{"region from the exec block's environment", exec("aws eks get-token --cluster-name lab",
			"AWS_REGION=eu-west-1", "AWS_PROFILE=p"),
			execCall{tool: toolAWS, clusterName: "lab", region: "eu-west-1",
				env: map[string]string{"AWS_REGION": "eu-west-1", "AWS_PROFILE": "p"}}},
		{"not a valid region", exec("aws eks get-token --cluster-name lab --region nowhere"),
			execCall{tool: toolAWS, clusterName: "lab"}},
		{"another command of the AWS CLI", exec("aws s3 ls"), execCall{}},
		{"not a valid name", exec("aws eks get-token --cluster-name ../x --region us-west-2"),
			execCall{tool: toolAWS, region: "us-west-2"}},
		{"the option at the end without its value", exec("aws eks get-token --cluster-name"), execCall{tool: toolAWS}},
		{"authenticator", exec("aws-iam-authenticator token -i lab"),
			execCall{tool: toolAuthenticator, clusterName: "lab"}},
		{"authenticator as eksctl writes it", exec("aws-iam-authenticator token -i lab -r "+role,
			"AWS_STS_REGIONAL_ENDPOINTS=regional", "AWS_DEFAULT_REGION=us-west-2"),
			execCall{tool: toolAuthenticator, clusterName: "lab", role: role, region: "us-west-2",
				env: map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "regional", "AWS_DEFAULT_REGION": "us-west-2"}}},
		{"authenticator, long and joined", exec("aws-iam-authenticator token --cluster-id=lab --role=" + role +
			" --external-id e --session-name s"),
			execCall{tool: toolAuthenticator, clusterName: "lab", role: role, externalID: "e", sessionName: "s"}},
		{"authenticator, short and joined", exec("aws-iam-authenticator token -ilab"),
			execCall{tool: toolAuthenticator, clusterName: "lab"}},
		{"authenticator, id and role in the environment",
			exec("aws-iam-authenticator token", "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID=lab", "DEFAULT_ROLE="+role),
			execCall{tool: toolAuthenticator, clusterName: "lab", role: role,
				env: map[string]string{"KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID": "lab", "DEFAULT_ROLE": role}}},
		{"authenticator, another command", exec("aws-iam-authenticator version"), execCall{}},
		{"behind aws-vault", exec("aws-vault exec prod -- aws --region us-west-2 eks get-token --cluster-name lab"),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2", wrapper: "aws-vault",
				launcher: "aws-vault exec prod --"}},
		{"behind env", exec("env AWS_PROFILE=p aws --region us-west-2 eks get-token --cluster-name lab"),
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2",
				env: map[string]string{"AWS_PROFILE": "p"}}},
		{"behind a shell", &clientcmdapi.ExecConfig{Command: "/bin/sh",
			Args: []string{"-c", "aws --region us-west-2 eks get-token --cluster-name lab"}},
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2"}},
		{"behind a shell, quoted", &clientcmdapi.ExecConfig{Command: "sh",
			Args: []string{"-c", `exec aws eks get-token --region "us-west-2" --cluster-name 'lab'`}},
			execCall{tool: toolAWS, clusterName: "lab", region: "us-west-2"}},
		{"behind a shell, with an unclosed quote", &clientcmdapi.ExecConfig{Command: "sh",
			Args: []string{"-c", `aws eks get-token --cluster-name lab "`}},
			execCall{tool: toolAWS, clusterName: "lab", wrapper: "sh"}},
		{"behind a shell on Windows", &clientcmdapi.ExecConfig{Command: "cmd.exe",
			Args: []string{"/c", `C:\Tools\aws.exe eks get-token --cluster-name lab`}},
			execCall{tool: toolAWS, clusterName: "lab", wrapper: "cmd"}},
		{"gcloud", exec("gke-gcloud-auth-plugin"), execCall{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, parseExecIn(test.exec, nil), cmp.AllowUnexported(execCall{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
