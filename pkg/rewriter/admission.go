package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
)

const admissionGroup = "admissionregistration.k8s.io"

// AdmissionError means that a no-op write may change more than the encryption, or that
// this could not be determined.
type AdmissionError struct {
	// Changers are the webhooks and policies that may change the objects.
	Changers []string
	// Err is why they could not be determined.
	Err error
}

func (e *AdmissionError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("could not determine which admission webhooks and policies change the objects: %v", e.Err)
	}
	return fmt.Sprintf("a write that changes nothing passes admission, and these may change the objects: %s",
		strings.Join(e.Changers, ", "))
}

func (e *AdmissionError) Unwrap() error { return e.Err }

// CheckAdmission returns an *AdmissionError if mutating webhooks or policies match
// updates of the resources. It compares the rules only: selectors and conditions may
// exclude objects, but not for certain. It requires list on the webhook configurations
// and on the policies, if the cluster serves these.
func CheckAdmission(ctx context.Context, config *rest.Config, resources []Resource) error {
	c, err := dynamic.NewForConfig(withTimeout(config))
	if err != nil {
		return fmt.Errorf("configure the connection to the API server: %w", err)
	}
	var webhooks, policies []unstructured.Unstructured
	var webhooksErr, policiesErr error
	var both sync.WaitGroup
	both.Go(func() { webhooks, webhooksErr = listAdmission(ctx, c, "mutatingwebhookconfigurations", "v1") })
	both.Go(func() {
		policies, policiesErr = listAdmission(ctx, c, "mutatingadmissionpolicies", "v1", "v1beta1", "v1alpha1")
	})
	both.Wait()
	if err := cmp.Or(webhooksErr, policiesErr); err != nil {
		return &AdmissionError{Err: err}
	}
	found, err := changers(webhooks, policies, resources)
	if err != nil {
		return &AdmissionError{Err: err}
	}
	if len(found) > 0 {
		return &AdmissionError{Changers: found}
	}
	return nil
}

// listAdmission lists a resource in the first version that the cluster serves; none if
// it serves none of them.
func listAdmission(
	ctx context.Context, c dynamic.Interface, resource string, versions ...string,
) ([]unstructured.Unstructured, error) {
	for _, version := range versions {
		gvr := schema.GroupVersionResource{Group: admissionGroup, Version: version, Resource: resource}
		var list *unstructured.UnstructuredList
		err := retry.OnError(retry.DefaultBackoff, transient, func() (err error) {
			list, err = c.Resource(gvr).List(ctx, metav1.ListOptions{})
			return err
		})
		switch {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("list %s: %w", gvr.GroupResource(), err)
		}
		return list.Items, nil
	}
	return nil, nil
}

// changers returns the webhooks and policies whose rules match an update of one of the
// resources. A policy without a binding has no effect, but may get one at any time.
func changers(webhooks, policies []unstructured.Unstructured, resources []Resource) (found []string, err error) {
	for i := range webhooks {
		var w admissionv1.MutatingWebhookConfiguration
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(webhooks[i].Object, &w); err != nil {
			return nil, fmt.Errorf("decode MutatingWebhookConfiguration %s: %w", webhooks[i].GetName(), err)
		}
		for j := range w.Webhooks {
			if slices.ContainsFunc(w.Webhooks[j].Rules, func(rule admissionv1.RuleWithOperations) bool {
				return matchesUpdate(rule, resources)
			}) {
				found = append(found, fmt.Sprintf("webhook %s of %s", w.Webhooks[j].Name, w.Name))
			}
		}
	}
	for i := range policies {
		var p struct {
			Spec struct {
				MatchConstraints *admissionv1.MatchResources `json:"matchConstraints"`
			} `json:"spec"`
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(policies[i].Object, &p); err != nil {
			return nil, fmt.Errorf("decode MutatingAdmissionPolicy %s: %w", policies[i].GetName(), err)
		}
		if p.Spec.MatchConstraints == nil {
			return nil, errors.New("MutatingAdmissionPolicy " + policies[i].GetName() + " has no match constraints")
		}
		if slices.ContainsFunc(p.Spec.MatchConstraints.ResourceRules, func(rule admissionv1.NamedRuleWithOperations) bool {
			return matchesUpdate(rule.RuleWithOperations, resources)
		}) {
			found = append(found, "policy "+policies[i].GetName())
		}
	}
	return found, nil
}

// matchesUpdate reports whether a rule matches updates of one of the resources.
// Versions are not compared: the default match policy converts between them.
func matchesUpdate(rule admissionv1.RuleWithOperations, resources []Resource) bool {
	if !slices.ContainsFunc(rule.Operations, func(o admissionv1.OperationType) bool {
		return o == admissionv1.Update || o == admissionv1.OperationAll
	}) {
		return false
	}
	return slices.ContainsFunc(resources, func(r Resource) bool {
		scope := rule.Scope == nil || *rule.Scope == admissionv1.AllScopes ||
			(*rule.Scope == admissionv1.NamespacedScope) == r.Namespaced
		return scope && slices.ContainsFunc(rule.APIGroups, func(group string) bool { return covers(group, r.Group) }) &&
			slices.ContainsFunc(rule.Resources, func(resource string) bool {
				// As in k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules: the write has no subresource.
				resource, subresource, _ := strings.Cut(resource, "/")
				return covers(resource, r.Resource) && covers(subresource, "")
			})
	})
}

// covers reports whether a name in a rule stands for a name.
func covers(pattern, name string) bool { return pattern == "*" || pattern == name }
