package awsclient

import (
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// keeper keeps the body that the transport was given, and answers at once.
type keeper struct{ body io.ReadCloser }

func (k *keeper) Do(r *http.Request) (*http.Response, error) {
	k.body = r.Body
	return http.DefaultClient.Do(r)
}

// A transport that has not done with the body when the SDK closes it sees its end
// still, and no error: one would cost the connection and the answer on it.
func TestBodyOutlivesTheAnswer(t *testing.T) {
	newWorld(t)
	c, err := New(t.Context(), Options{Profile: "ann"})
	must(t, err)
	transport := &keeper{}
	cfg := c.config.Copy()
	cfg.HTTPClient = bodyInMemory{transport}
	_, err = c.options.clients(cfg).KMS("eu-west-1").ListKeys(t.Context(), &kms.ListKeysInput{})
	must(t, err)
	rest, ok := transport.body.(io.WriterTo)
	if !ok {
		t.Fatalf("net/http doesn't take a %T for memory: it would send the headers in a packet of their own", transport.body)
	}
	if _, err := rest.WriteTo(io.Discard); err != nil {
		t.Errorf("after the answer, the body says %v", err)
	}
}
