package fleet

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shard selects one of Count parts of the accounts, so that several runs can share a large organization. The part of an
// account depends on its id alone: a new account moves no other one. The zero value selects all accounts.
type Shard struct{ Index, Count int }

// ParseShard parses I/N, with I from 0 to N-1. If I/ is missing, index is used instead, which an Indexed Job of
// Kubernetes sets.
func ParseShard(s, index string) (Shard, error) {
	i, n, given := strings.Cut(s, "/")
	if !given {
		if i, n = index, s; i == "" {
			return Shard{}, fmt.Errorf("%q has no index, and JOB_COMPLETION_INDEX is not set: use I/N, with I from 0 to N-1", s)
		}
	}
	count, err := strconv.ParseUint(n, 10, 16)
	if err != nil || count == 0 {
		return Shard{}, fmt.Errorf("%q is not a valid number of shards", n)
	}
	number, err := strconv.ParseUint(i, 10, 16)
	if err != nil || number >= count {
		return Shard{}, fmt.Errorf("%q is not the index of one of %d shards: use 0 to %d", i, count, count-1)
	}
	return Shard{int(number), int(count)}, nil
}

// String returns I/N, or "" for all accounts.
func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Has reports whether the account belongs to the shard.
func (s Shard) Has(account string) bool {
	if s.Count == 0 {
		return true
	}
	sum := sha256.Sum256([]byte(account))
	return binary.BigEndian.Uint64(sum[:8])%uint64(s.Count) == uint64(s.Index)
}

// of returns the accounts of the shard, in their order.
func (s Shard) of(accounts []string) []string {
	return slices.DeleteFunc(slices.Clone(accounts), func(a string) bool { return !s.Has(a) })
}

// shardNote states how many of the listed accounts belong to the shard.
func shardNote(s Shard, own, listed int) string {
	return fmt.Sprintf("shard %s: %d of %d accounts", s, own, listed)
}

// listedAccounts is the inverse of shardNote. It returns the number of accounts of all shards.
func listedAccounts(note string) (listed int, ok bool) {
	var s Shard
	var own int
	_, err := fmt.Sscanf(note, "shard %d/%d: %d of %d accounts", &s.Index, &s.Count, &own, &listed)
	return listed, err == nil && note == shardNote(s, own, listed)
}
