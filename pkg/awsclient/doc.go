// Package awsclient makes the AWS clients that act as the principal kubectl acts
// as, and explains what AWS answers when it refuses.
package awsclient
