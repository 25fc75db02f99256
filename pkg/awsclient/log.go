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

// requestLevel is the level at which kubectl logs its own requests.
const requestLevel = 6

// logRequests logs one line for each attempt: service, operation, host, region, status and duration. It logs no
// headers, which contain signatures, and no bodies.
func logRequests(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("LogRequest",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			if !klog.V(requestLevel).Enabled() {
				return next.HandleDeserialize(ctx, in)
			}
			host, start := "", time.Now()
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				host = r.URL.Host
			}
			out, metadata, err := next.HandleDeserialize(ctx, in)
			status := "no response"
			if r, ok := out.RawResponse.(*smithyhttp.Response); ok && r != nil && r.Response != nil {
				status = r.Status
			}
			klog.V(requestLevel).InfoS("AWS "+awsmiddleware.GetServiceID(ctx)+" "+awsmiddleware.GetOperationName(ctx),
				"host", host, "region", awsmiddleware.GetRegion(ctx), "status", status,
				"milliseconds", fmt.Sprint(time.Since(start).Milliseconds()))
			return out, metadata, err
		}), middleware.After)
}
