// Package requestbody sends the body of each AWS request from memory.
package requestbody

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// InMemory copies each request body, which is always small here, before Next sends it. The copy stays readable
// when the SDK closes the original, and net/http sends it in one packet with the headers.
type InMemory struct{ Next aws.HTTPClient }

// Do sends one request.
func (c InMemory) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.Next.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.WithContext(r.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	return c.Next.Do(own)
}
