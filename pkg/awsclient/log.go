package awsclient

import (
	"context"
	"fmt"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"k8s.io/klog/v2"
)

// requestLevel is the level at which kubectl logs its requests, too.
const requestLevel = 6

// logRequests logs what is asked, where, and how it ended: one line an attempt. No
// headers, which carry signatures, and no bodies.
func logRequests(stack *middlewareStack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("LogRequest",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			if !klog.V(requestLevel).Enabled() {
				return next.HandleDeserialize(ctx, in)
			}
			host, begin := "", time.Now()
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				host = r.URL.Host
			}
			out, metadata, err := next.HandleDeserialize(ctx, in)
			outcome := "no answer"
			if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r != nil && r.Response != nil {
				outcome = r.Status
			}
			klog.V(requestLevel).InfoS("AWS "+awsmiddleware.GetServiceID(ctx)+" "+awsmiddleware.GetOperationName(ctx),
				"host", host, "region", awsmiddleware.GetRegion(ctx), "status", outcome,
				"milliseconds", fmt.Sprint(time.Since(begin).Milliseconds()))
			return out, metadata, err
		}), middleware.After)
}
