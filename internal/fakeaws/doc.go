// Package fakeaws is a fake AWS on one endpoint: EKS, KMS, STS, the calls of EC2,
// Organizations and Account Management that list regions and accounts, and the findings of
// Security Hub. Unmodified SDKs and the AWS CLI use it through AWS_ENDPOINT_URL.
//
// It is for tests and for the lab. It checks signatures, IAM policies and key policies, so
// that a client with wrong credentials, region or permissions gets the error that AWS
// returns. The replies follow the service models of the AWS SDKs; a comment marks behaviour
// that AWS does not document.
package fakeaws
