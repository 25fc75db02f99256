package e2e

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// webhook is a mutating admission webhook on the loopback, with a certificate of its own.
type webhook struct {
	*httptest.Server
	calls atomic.Int64
}

// change is one operation of a JSON patch.
type change struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// reviewed is what the webhooks of the tests see of a Secret.
type reviewed struct {
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Data map[string]string
}

// startWebhook starts a webhook that changes each Secret as mutate decides.
func startWebhook(t *testing.T, mutate func(reviewed) []change) *webhook {
	t.Helper()
	w := &webhook{}
	w.Server = httptest.NewTLSServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		var review struct {
			Request struct {
				UID    string
				Object reviewed
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		w.calls.Add(1)
		response := map[string]any{"uid": review.Request.UID, "allowed": true}
		if changes := mutate(review.Request.Object); len(changes) > 0 {
			patch, _ := json.Marshal(changes)
			response["patchType"], response["patch"] = "JSONPatch", patch
		}
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(map[string]any{
			"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response,
		})
	}))
	t.Cleanup(w.Close)
	return w
}

// in returns the webhook for updates of Secrets in a namespace, or in all if it is empty.
func (w *webhook) in(
	name, namespace string, policy admissionv1.FailurePolicyType, seconds int32,
) admissionv1.MutatingWebhook {
	url, none := w.URL, admissionv1.SideEffectClassNone
	selector := &metav1.LabelSelector{}
	if namespace != "" {
		selector.MatchLabels = map[string]string{corev1.LabelMetadataName: namespace}
	}
	return admissionv1.MutatingWebhook{
		Name: name + ".example.com", SideEffects: &none, FailurePolicy: &policy, TimeoutSeconds: &seconds,
		AdmissionReviewVersions: []string{"v1"}, NamespaceSelector: selector,
		ClientConfig: admissionv1.WebhookClientConfig{
			URL:      &url,
			CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.Certificate().Raw}),
		},
		Rules: []admissionv1.RuleWithOperations{{
			Operations: []admissionv1.OperationType{admissionv1.Update},
			Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"secrets"}},
		}},
	}
}

// configure makes the API server call the webhooks until the test ends. It returns when a write of the
// probe ("namespace/name") fails, or is seen.
func configure(
	t *testing.T, l *labtest.Lab, probe string, seen func() bool, webhooks ...admissionv1.MutatingWebhook,
) {
	t.Helper()
	kube := client(t, l)
	configurations := kube.AdmissionregistrationV1().MutatingWebhookConfigurations()
	c := &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "tests"}, Webhooks: webhooks}
	if _, err := configurations.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	namespace, name, _ := strings.Cut(probe, "/")
	write := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := kube.CoreV1().Secrets(namespace).Patch(ctx, name, types.MergePatchType,
			[]byte(`{"metadata":{"annotations":{"probe":"1"}}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	waitFor(t, 30*time.Second, "the API server does not call the webhook", func() bool {
		return write() != nil || seen()
	})
	t.Cleanup(func() {
		ctx := context.Background() // that of the test has ended
		if err := configurations.Delete(ctx, c.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}
