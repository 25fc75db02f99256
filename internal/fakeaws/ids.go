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

// uuidOf is a version 4 UUID, always the same for the same seed.
func uuidOf(seed string) string { return formatUUID(digest(seed)) }

func formatUUID(b []byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// clusterHex is the 32 hexadecimal digits of an EKS endpoint host.
func clusterHex(arn string) string { return fmt.Sprintf("%X", digest(arn)[:16]) }

// uniqueID is the part of an IAM unique id after its four-letter prefix.
func uniqueID(seed string) string {
	return base32.StdEncoding.EncodeToString(digest(seed))[:17]
}

// newUUID is a random one.
func (s *Server) newUUID() string { return formatUUID(s.random(16)) }

// random is n bytes. A source that fails is a broken machine, not an answer.
func (s *Server) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.opts.Random, b); err != nil {
		panic(fmt.Sprintf("fakeaws: random source: %v", err))
	}
	return b
}
