package fakeaws

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
)

func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// uuidOf returns a version 4 UUID that is derived from the seed.
func uuidOf(seed string) string { return formatUUID(digest(seed)) }

func formatUUID(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// clusterHex returns the 32 hexadecimal digits of an EKS endpoint host.
func clusterHex(arn string) string { return fmt.Sprintf("%X", digest(arn)[:16]) }

// uniqueID returns an IAM unique ID without its four-letter prefix.
func uniqueID(seed string) string {
	return base32.StdEncoding.EncodeToString(digest(seed))[:17]
}

// newUUID returns a random UUID.
func (s *Server) newUUID() string { return formatUUID(s.random(16)) }

// random returns n random bytes. It panics if the source fails.
func (s *Server) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.opts.Random, b); err != nil {
		panic(fmt.Sprintf("fakeaws: random source: %v", err))
	}
	return b
}
