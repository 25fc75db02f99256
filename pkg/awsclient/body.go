package awsclient

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// bodyInMemory sends request bodies, which are all small here, from memory that is
// its own. The SDK closes its body as soon as the answer begins; where net/http has
// not quite done with it by then, it takes that for a failed write and drops the
// connection, with the rest of the answer. A busy machine meets that race. And what
// is known to be in memory goes out in one packet with its headers.
type bodyInMemory struct{ next aws.HTTPClient }

func (c bodyInMemory) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.next.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.WithContext(r.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	return c.next.Do(own)
}
