package rewriter

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// statusError converts an error response to the error that the predicates of
// k8s.io/apimachinery expect. If the response is not a Status, the error names no
// object.
func statusError(resp *http.Response, verb string, r schema.GroupResource) error {
	wait, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	status := decodeStatus(resp)
	if status == nil {
		return apierrors.NewGenericServerResponse(resp.StatusCode, verb, r, "", "", wait, true)
	}
	status.Code = int32(resp.StatusCode)
	if wait > 0 {
		if status.Details == nil {
			status.Details = &metav1.StatusDetails{}
		}
		status.Details.RetryAfterSeconds = int32(wait)
	}
	return &apierrors.StatusError{ErrStatus: *status}
}

// decodeStatus reads an error response. It returns nil if the response is not a Status
// of Kubernetes.
func decodeStatus(resp *http.Response) *metav1.Status {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), runtime.ContentTypeJSON) {
		return nil
	}
	var status metav1.Status
	err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&status)
	if err != nil || status.Kind != "Status" || status.Status != metav1.StatusFailure {
		return nil
	}
	return &status
}
