package associate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// recordServer is an API server that counts its lists of Secrets as resourceVersions, and stores the record. It allows
// nothing else.
type recordServer struct {
	listed func() // called for each list of Secrets; may be nil

	mu    sync.Mutex
	lists int
	data  map[string]string
}

func (s *recordServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/api/v1/secrets":
		if s.listed != nil {
			s.listed()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lists++
		fmt.Fprintf(w, `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"%d"},"rows":[]}`,
			s.lists)
	case strings.HasSuffix(r.URL.Path, "/configmaps/eks-encrypt"):
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.Method == http.MethodPatch {
			var sent struct{ Data map[string]string }
			body, _ := io.ReadAll(r.Body)
			if err := json.Unmarshal(body, &sent); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			s.data = sent.Data
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"kind": "ConfigMap", "apiVersion": "v1", "data": s.data,
			"metadata": map[string]string{"name": "eks-encrypt", "namespace": "kube-system", "uid": "u"},
		})
	default:
		http.Error(w, `{"kind":"Status","status":"Failure","reason":"Forbidden","code":403}`, http.StatusForbidden)
	}
}

// noted returns the resourceVersion before the association in the record, or "".
func (s *recordServer) noted() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data["resourceVersionBefore"]
}

// world is a cluster without a key, in a fake AWS, with its API server.
type world struct {
	*fakeaws.Server
	eks     *eks.Client
	cluster eks.Cluster
	key     string
	api     *recordServer
	host    string
	errOut  *strings.Builder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, config := awstest.NewWithOptions(t, fakeaws.Options{AssociationTime: time.Hour})
	w := &world{Server: server, api: &recordServer{}, errOut: new(strings.Builder),
		eks: eks.New(awseks.NewFromConfig(config))}
	arn := awstest.AddCluster(t, server, fakeaws.Cluster{Name: "lab"})
	w.key = awstest.AddKey(t, server, fakeaws.Key{})
	var err error
	w.cluster, err = w.eks.Cluster(t.Context(), eks.Ref{Name: "lab", ARN: arn})
	awstest.Must(t, err)
	h := httptest.NewServer(w.api)
	t.Cleanup(h.Close)
	w.host = h.URL
	return w
}

// runner returns a runner whose plan exists.
func (w *world) runner(t *testing.T) *runner {
	t.Helper()
	f := cmdutil.NewFactory(genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: w.errOut}, "v1")
	updates, err := w.eks.Updates(t.Context(), w.cluster.Ref())
	awstest.Must(t, err)
	return &runner{
		options: &options{factory: f},
		binding: binding.New(binding.Target{Name: "lab", ARN: w.cluster.ARN}, &rest.Config{Host: w.host}, nil),
		facts: association.Facts{
			Cluster: v1alpha1.Cluster{Name: "lab", ARN: w.cluster.ARN, Guard: v1alpha1.GuardMatch},
			Live:    &w.cluster, Updates: updates, Key: v1alpha1.KeyListItem{ARN: w.key},
		},
	}
}

func (w *world) engine(r *runner) *association.Engine {
	return &association.Engine{EKS: w.eks, Cluster: r.facts.Live, KeyARN: r.facts.Key.ARN, Updates: r.facts.Updates}
}

// TestSecondTerminalKeepsNote checks that a run whose note is later than the association does not replace the note of
// the run that began it.
func TestSecondTerminalKeepsNote(t *testing.T) {
	w := newWorld(t)
	first, second := w.runner(t), w.runner(t) // both plans exist before the association
	id, err := first.begin(t.Context(), w.engine(first))
	awstest.Must(t, err)
	if w.api.noted() != "1" {
		t.Fatalf("noted = %q, want 1\n%s", w.api.noted(), w.errOut)
	}
	again, err := second.begin(t.Context(), w.engine(second))
	awstest.Must(t, err)
	if w.api.noted() != "1" || again != id {
		t.Errorf("noted = %q, update %s; want 1, %s\n%s", w.api.noted(), again, id, w.errOut)
	}
}

// lostAnswer is an Associator whose answers to associations are lost.
type lostAnswer struct{ association.Associator }

func (l lostAnswer) Associate(ctx context.Context, cluster eks.Ref, keyARN, token string) (eks.Update, error) {
	_, _ = l.Associator.Associate(ctx, cluster, keyARN, token)
	return eks.Update{}, errors.New("the connection broke")
}

// TestLostAnswerKeepsNote checks that the note of a run is saved if the answer to its request was lost.
func TestLostAnswerKeepsNote(t *testing.T) {
	w := newWorld(t)
	r := w.runner(t)
	e := w.engine(r)
	e.EKS = lostAnswer{e.EKS}
	_, err := r.begin(t.Context(), e)
	awstest.Must(t, err)
	if w.api.noted() != "1" || strings.Contains(w.errOut.String(), "nother client") {
		t.Errorf("noted = %q, want 1, and no claim about another client:\n%s", w.api.noted(), w.errOut)
	}
}

// TestInterruptedNote checks that Ctrl-C during the note sends nothing, and that the error states so.
func TestInterruptedNote(t *testing.T) {
	w := newWorld(t)
	r := w.runner(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.api.listed = cancel
	_, err := r.begin(ctx, w.engine(r))
	var text strings.Builder
	code := cmdutil.ReportError(ctx, &text, &cobra.Command{}, err)
	if want := "error: interrupted: nothing was sent, nothing was changed\n"; code != 130 || text.String() != want {
		t.Errorf("exit code = %d, %q; want 130, %q", code, text.String(), want)
	}
	if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); n != 0 || w.errOut.Len() > 0 {
		t.Errorf("calls of AssociateEncryptionConfig = %d, want 0, and no other message:\n%s", n, w.errOut)
	}
}

// interrupting is an Associator that cancels the context when EKS has accepted the association.
type interrupting struct {
	association.Associator
	cancel context.CancelFunc
}

func (i interrupting) Associate(ctx context.Context, cluster eks.Ref, keyARN, token string) (eks.Update, error) {
	defer i.cancel()
	return i.Associator.Associate(ctx, cluster, keyARN, token)
}

// TestInterruptedSave checks that the note is saved if Ctrl-C comes right after EKS has accepted the association.
func TestInterruptedSave(t *testing.T) {
	w := newWorld(t)
	r := w.runner(t)
	ctx, cancel := context.WithCancel(t.Context())
	e := w.engine(r)
	e.EKS = interrupting{e.EKS, cancel}
	id, err := r.begin(ctx, e)
	awstest.Must(t, err)
	if w.api.noted() != "1" || id == "" {
		t.Errorf("noted = %q, update %q; want 1 and an update:\n%s", w.api.noted(), id, w.errOut)
	}
}

// TestFollowUps checks that the printed commands repeat the flags that they also need.
func TestFollowUps(t *testing.T) {
	for _, test := range []struct {
		options options
		flags   string
	}{
		{options{}, ""},
		{options{noRecord: true}, " --no-record"},
		{options{trustEndpoint: true}, " --trust-endpoint"},
		{options{noRecord: true, trustEndpoint: true, yes: true, skipGrantCheck: true}, " --no-record --trust-endpoint"},
	} {
		w := newWorld(t)
		r := w.runner(t)
		test.options.factory = r.factory
		r.options = &test.options
		awstest.Must(t, r.offerRewrite(t.Context()))
		where := " --cluster-name " + w.cluster.ARN
		want := "Next: kubectl eks-encrypt rewrite" + test.flags + where + "\n"
		if printed := w.errOut.String(); !strings.HasSuffix(printed, want) || strings.Contains(printed, "old key") {
			t.Errorf("%+v: printed %q, want %q, and no claim about an old key", test.options, printed, want)
		}
		want = "kubectl eks-encrypt associate --resume u" + test.flags + where
		if got := r.waitCommand("u"); got != want {
			t.Errorf("%+v: command = %q, want %q", test.options, got, want)
		}
		if got, want := r.waitCommand(""), "kubectl eks-encrypt status"+where; got != want {
			t.Errorf("%+v: command = %q, want %q", test.options, got, want)
		}
	}
}

// TestRecordDone checks that an association that may still be in progress is not recorded as done.
func TestRecordDone(t *testing.T) {
	for _, test := range []struct {
		status string
		err    error
		want   bool
	}{{"ACTIVE", nil, true}, {"UPDATING", nil, false}, {"ACTIVE", errors.New("access denied"), false}} {
		w := newWorld(t)
		r := w.runner(t)
		r.facts.Live.KeyARN, r.facts.Live.Status, r.facts.UpdatesErr = w.key, test.status, test.err
		r.recordDone(t.Context())
		warned := strings.Contains(w.errOut.String(), "could not record the association")
		if recorded := w.api.data["keyArn"] == w.key; recorded != test.want || warned == test.want {
			t.Errorf("%s, %v: recorded: %t, want %t\n%s", test.status, test.err, recorded, test.want, w.errOut)
		}
	}
}
