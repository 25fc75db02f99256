package awsclient

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// transportDiagnosis classifies an error of the way to AWS: the network, TLS, and what responds in place of AWS.
func transportDiagnosis(err error, code string) (d diagnosis, found bool) {
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	status, contentType := response(err)
	switch {
	case notFromAWS(err, code, contentType):
		d = diagnosis{
			kind: KindUnreachable,
			clause: fmt.Sprintf("the response is not from AWS: status %d %s, content type %s", status,
				http.StatusText(status), cmp.Or(contentType, "unknown")),
			hint: "a proxy or gateway may have responded: check HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL",
		}
		if status >= 500 {
			d.kind = KindServer
		}
	case errors.As(err, &unknown):
		d = diagnosis{KindUnreachable, "the TLS certificate of the endpoint is not signed by a trusted authority: " +
			innermost(err), "if a proxy inspects TLS, set AWS_CA_BUNDLE to the file with its CA certificate"}
	case errors.As(err, &wrongHost):
		d = diagnosis{KindUnreachable, "the TLS certificate is for another host: " + innermost(err),
			"check HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL"}
	case isTimeout(err):
		d = diagnosis{KindTimeout, "request timed out", "try again, or set a longer --request-timeout"}
	case status == 0 && isNetwork(err):
		d = diagnosis{KindUnreachable, "cannot connect to the endpoint: " + innermost(err),
			"check the network, the region, and AWS_ENDPOINT_URL if it is set"}
	default:
		return diagnosis{}, false
	}
	return d, true
}

// response returns the status and the content type of the response behind err; the status is 0 if there is none.
func response(err error) (status int, contentType string) {
	var r *smithyhttp.ResponseError
	if !errors.As(err, &r) || r.Response == nil || r.Response.Response == nil {
		return 0, ""
	}
	contentType, _, _ = strings.Cut(r.Response.Header.Get("Content-Type"), ";")
	return r.HTTPStatusCode(), contentType
}

// notFromAWS reports whether a page for people came instead of a response of the API, or something that the SDK cannot
// read.
func notFromAWS(err error, code, contentType string) bool {
	var unreadable *smithy.DeserializationError
	return contentType == "text/html" || errors.As(err, &unreadable) && (code == "" || code == "UnknownError")
}

// statusDiagnosis classifies an error by its status alone.
func statusDiagnosis(err error) diagnosis {
	switch status, _ := response(err); {
	case status == http.StatusTooManyRequests:
		return throttleDiagnosis()
	case status >= 500:
		return diagnosis{kind: KindServer, hint: "AWS failed: try again in a minute"}
	case status >= 400:
		return diagnosis{kind: KindInvalid}
	}
	return diagnosis{kind: KindOther}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

func isNetwork(err error) bool {
	var u *url.Error
	var op *net.OpError
	var send *smithyhttp.RequestSendError
	return errors.As(err, &send) || errors.As(err, &op) || errors.As(err, &u)
}

// innermost returns the text of the network error in err. The layers above it repeat the operation and the request ID.
func innermost(err error) string {
	var send *smithyhttp.RequestSendError
	if errors.As(err, &send) {
		err = send.Err
	}
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Sprintf("%s: %v", redact(u.URL), u.Err)
	}
	return err.Error()
}
