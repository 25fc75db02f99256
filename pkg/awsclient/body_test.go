package awsclient

import (
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
)

// bodyRecorder sends requests and records the body of the last one.
type bodyRecorder struct{ body io.ReadCloser }

func (k *bodyRecorder) Do(r *http.Request) (*http.Response, error) {
	k.body = r.Body
	return http.DefaultClient.Do(r)
}

// TestBodyOutlivesTheResponse checks that a transport can still read the body after the SDK has closed its own: a read
// error would close the connection before the response is read.
func TestBodyOutlivesTheResponse(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	c, err := new(Pool).New(t.Context(), Options{Profile: "ann"})
	awstest.Must(t, err)
	transport := &bodyRecorder{}
	cfg := c.config.Copy()
	cfg.HTTPClient = requestbody.InMemory{Next: transport}
	_, err = c.principal.clients(cfg).KMS("eu-west-1").ListKeys(t.Context(), &kms.ListKeysInput{})
	awstest.Must(t, err)
	body, ok := transport.body.(io.WriterTo)
	if !ok {
		t.Fatalf("body is a %T, want an io.WriterTo: without it, the headers go in a separate packet", transport.body)
	}
	if _, err := body.WriteTo(io.Discard); err != nil {
		t.Errorf("WriteTo after the response = %v, want no error", err)
	}
}
