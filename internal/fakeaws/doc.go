// Package fakeaws answers as AWS does, on one endpoint: EKS, KMS, STS and the
// few calls of EC2, Organizations and Account Management that list regions and
// accounts. Unmodified SDKs and the AWS CLI work against it through
// AWS_ENDPOINT_URL.
//
// It is for tests and for the lab. It checks signatures, IAM and key policies
// for real, so that a client with the wrong credentials, region or permission
// fails here in the words AWS would use. The replies follow the service models
// of the AWS SDKs; where AWS documents no behaviour, a comment says so.
package fakeaws
