package cmdutil

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// principals is a fake AWS in which each source of credentials gives another principal, and a home directory with the
// configuration of the AWS CLI.
type principals struct {
	*fakeaws.Server
	home string
	env  map[string]string // of the shell, with the fake AWS as the endpoint and no credentials
}

func role(name string) string { return "arn:aws:iam::" + awstest.Account + ":role/" + name }

func newPrincipals(t *testing.T) *principals {
	t.Helper()
	server, config := awstest.New(t)
	awstest.AddCluster(t, server, fakeaws.Cluster{Name: "lab"})
	for _, name := range []string{"SHELL", "BLOCK", "KEYS", "DEFAULT", "CONFIG", "PROCESS", "WORK", "OLD"} {
		awstest.Must(t, server.AddPrincipal(fakeaws.Principal{
			ARN: "arn:aws:iam::" + awstest.Account + ":user/" + strings.ToLower(name), AccessKeyID: "AKIA" + name,
			SecretAccessKey: "secret",
		}))
	}
	for _, name := range []string{
		"role", "chain", "pod", "pod-profile", "cross", "container", "instance", "sso", "ambient", "direct",
	} {
		awstest.Must(t, server.AddPrincipal(fakeaws.Principal{
			ARN: role(name), Trust: []string{"*"}, WebIdentity: []string{"token"},
			Policy: []fakeaws.Statement{fakeaws.Allow("*")},
		}))
	}
	metadata := httptest.NewServer(server.Metadata(fakeaws.Metadata{
		Instance: role("instance"), Container: role("container"), ContainerToken: "agent", SSO: role("sso"), SSOToken: "sso",
	}))
	t.Cleanup(metadata.Close)
	w := &principals{Server: server, home: t.TempDir()}
	w.env = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": w.home, "AWS_ENDPOINT_URL": *config.BaseEndpoint, "AWS_MAX_ATTEMPTS": "1",
		"AWS_ENDPOINT_URL_SSO":              metadata.URL,
		"AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.URL,
	}
	w.configure(t)
	return w
}

// containerURL is the endpoint of EKS Pod Identity.
func (w *principals) containerURL() string {
	return w.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/container"
}

func (w *principals) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(w.home, name)
	awstest.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	awstest.Must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func (w *principals) configure(t *testing.T) {
	t.Helper()
	keys := func(id string) string {
		return "aws_access_key_id = AKIA" + id + "\naws_secret_access_key = secret\n"
	}
	process, err := json.Marshal(map[string]any{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "secret"})
	awstest.Must(t, err)
	token := w.file(t, "token", "token")
	w.file(t, "agent", "agent")
	w.file(t, "process.json", string(process))
	w.file(t, ".aws/credentials", "[keys]\n"+keys("KEYS")+"[both]\n"+keys("KEYS")+"[processed]\n"+keys("KEYS"))
	w.file(t, "work/credentials", "[work]\n"+keys("WORK"))
	w.file(t, "work/config", "[profile elsewhere]\nrole_arn = "+role("role")+"\nsource_profile = work\n")
	w.file(t, "with-default", "[default]\n"+keys("DEFAULT"))
	w.file(t, "default-role", "[default]\nrole_arn = "+role("role")+"\nsource_profile = keys\n")
	w.file(t, ".aws/config", strings.NewReplacer("ROLE/", role(""), "TOKEN", token, "HOME", w.home).Replace(`
[profile role]
role_arn = ROLE/role
source_profile = keys
[profile chain]
role_arn = ROLE/chain
source_profile = role
[profile self]
role_arn = ROLE/direct
source_profile = self
`+keys("KEYS")+`
[profile keyed]
role_arn = ROLE/chain
source_profile = keys
`+keys("CONFIG")+`
[profile via-keyed]
role_arn = ROLE/role
source_profile = keyed
[profile pod]
role_arn = ROLE/pod-profile
web_identity_token_file = TOKEN
[profile cross]
role_arn = ROLE/cross
source_profile = pod
[profile in-container]
role_arn = ROLE/cross
credential_source = EcsContainer
[profile on-instance]
role_arn = ROLE/cross
credential_source = Ec2InstanceMetadata
[profile in-shell]
role_arn = ROLE/cross
credential_source = Environment
[profile process]
credential_process = cat HOME/process.json
[profile processed]
credential_process = cat HOME/process.json
[profile config-and-process]
credential_process = cat HOME/process.json
`+keys("CONFIG")+`
[profile both]
`+keys("CONFIG")+`
[profile config]
`+keys("CONFIG")+`
[profile via-process]
role_arn = ROLE/role
source_profile = process
[profile bare]
region = eu-central-1
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = sso
[profile sso-old]
sso_region = eu-central-1
sso_start_url = https://old.awsapps.com/start
sso_account_id = 111122223333
sso_role_name = sso
[profile via-sso]
role_arn = ROLE/role
source_profile = sso
`))
	for _, name := range []string{"corp", "https://old.awsapps.com/start"} {
		hash := sha1.Sum([]byte(name))
		w.file(t, ".aws/sso/cache/"+hex.EncodeToString(hash[:])+".json", fmt.Sprintf(
			`{"startUrl":"https://corp.awsapps.com/start","region":"eu-central-1","accessToken":"sso","expiresAt":%q}`,
			time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05Z")))
	}
}

// principalCase is one way in which kubectl starts its plugin.
type principalCase struct {
	name  string
	shell map[string]string // in addition to the environment of principals
	block map[string]string // env of the exec block
	words []string          // of the plugin's command line
	want  string            // name of the principal; "a|b" if it depends on the version of the AWS CLI
}

// pairs returns the environment of kubectl's plugin.
func (w *principals) pairs(c principalCase) []string {
	var pairs []string
	for _, set := range []map[string]string{w.env, c.shell, c.block} {
		for name, value := range set {
			pairs = append(pairs, name+"="+w.place(value))
		}
	}
	return pairs // of equal names, the last one counts
}

// place replaces what a case does not know.
func (w *principals) place(value string) string {
	return strings.NewReplacer("{home}", w.home, "{container}", w.containerURL()).Replace(value)
}

// kubectl returns the principal in the token that the plugin of a case prints.
func (w *principals) kubectl(t *testing.T, c principalCase) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.words[0], c.words[1:]...)
	cmd.Env = w.pairs(c)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Sprintf("%v: %s", err, err.(*exec.ExitError).Stderr) //nolint:errorlint // no other type is possible
	}
	var credential struct{ Status struct{ Token string } }
	awstest.Must(t, json.Unmarshal(out, &credential))
	id, err := w.Identify(credential.Status.Token)
	if err != nil {
		return err.Error()
	}
	return withoutSession(id.ARN)
}

// plugin returns the principal that this tool calls AWS as, in a context with the exec block of a case.
func (w *principals) plugin(t *testing.T, c principalCase) string {
	t.Helper()
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value) // restores it
		awstest.Must(t, os.Unsetenv(name))
	}
	for _, set := range []map[string]string{w.env, c.shell} {
		for name, value := range set {
			t.Setenv(name, w.place(value))
		}
	}
	e := &clientcmdapi.ExecConfig{Command: c.words[0], Args: c.words[1:], APIVersion: "client.authentication.k8s.io/v1"}
	for name, value := range c.block {
		e.Env = append(e.Env, clientcmdapi.ExecEnvVar{Name: name, Value: w.place(value)})
	}
	f := w.factory(t, e)
	b, err := f.Bind("")
	awstest.Must(t, err)
	if err := f.Connect(t.Context(), b); err != nil {
		return err.Error()
	}
	_, arn, err := b.AWS.Caller(t.Context())
	awstest.Must(t, err)
	return withoutSession(arn)
}

// factory returns a Factory whose kubeconfig has one context with the exec block.
func (w *principals) factory(t *testing.T, e *clientcmdapi.ExecConfig) *Factory {
	t.Helper()
	type entry map[string]any
	data, err := json.Marshal(entry{
		"kind": "Config", "apiVersion": "v1", "current-context": "lab",
		"contexts": []entry{{"name": "lab", "context": entry{"cluster": "lab", "user": "jane"}}},
		"clusters": []entry{{"name": "lab", "cluster": entry{"server": "https://127.0.0.1:1"}}},
		"users": []entry{{"name": "jane", "user": entry{"exec": entry{
			"apiVersion": e.APIVersion, "command": e.Command, "args": e.Args, "env": e.Env,
		}}}},
	})
	awstest.Must(t, err)
	f := NewFactory(genericiooptions.NewTestIOStreamsDiscard(), "v1")
	*f.Kube.KubeConfig = w.file(t, "kubeconfig-"+fmt.Sprint(time.Now().UnixNano()), string(data))
	return f
}

// withoutSession removes the name of the session, which differs.
func withoutSession(arn string) string {
	if i := strings.Index(arn, ":assumed-role/"); i >= 0 {
		return arn[:strings.LastIndex(arn, "/")]
	}
	return arn
}

// awsCLI returns the directory of the AWS CLI. Where CI says that it must be there, it must.
func awsCLI(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("aws")
	if err != nil {
		if os.Getenv("REQUIRE_AWS_CLI") != "" {
			t.Fatal("the AWS CLI is not installed")
		}
		t.Skip("the AWS CLI is not installed")
	}
	if strings.HasSuffix(filepath.Dir(program), "shims") { // of pyenv, which need its environment
		out, err := exec.Command("pyenv", "which", "aws").Output()
		awstest.Must(t, err)
		program = strings.TrimSpace(string(out))
	}
	return filepath.Dir(program)
}

func split(line string) []string { return slices.Clip(strings.Fields(line)) }
