// Package awsclient makes the AWS clients that act as kubectl's principal, and turns the errors of AWS into short
// messages with a hint.
//
// Four things are done here because the SDK has no option for them:
//   - principal.go and source.go select the credentials in an environment that is not the one of the process, in the
//     order of kubectl's credential plugin. config.LoadDefaultConfig reads the process, knows only the order of the
//     SDK, and sends the AssumeRole of a profile to the true AWS although AWS_ENDPOINT_URL is set.
//   - internal/requestbody sends each request body from a copy. The SDK closes its own body as soon as the response
//     begins (https://github.com/aws/smithy-go/pull/226). If net/http still reads it at that moment, net/http sees a
//     failed write and closes the connection before the response is read. Reports of such errors:
//     https://github.com/aws/aws-sdk-go-v2/issues/2737.
//   - pace.go retries throttled calls more often than failed ones, and passes each attempt through a Gate. The
//     SDK's adaptive retry mode paces each client by itself, not all clients of an account and region together.
//   - log.go logs one line for each attempt at klog level 6. The SDK's request log contains all headers.
package awsclient
