package fleet

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseShard(t *testing.T) {
	for _, test := range []struct {
		text, index string
		want        Shard
		err         string
	}{
		{"0/1", "", Shard{0, 1}, ""},
		{"7/8", "3", Shard{7, 8}, ""},
		{"8", "3", Shard{3, 8}, ""},
		{"8", "", Shard{}, "JOB_COMPLETION_INDEX"},
		{"8", "8", Shard{}, "use 0 to 7"},
		{"8/8", "", Shard{}, "use 0 to 7"},
		{"-1/8", "", Shard{}, "index"},
		{"/8", "3", Shard{}, "index"},
		{"1/", "", Shard{}, "number of shards"},
		{"0/0", "", Shard{}, "number of shards"},
		{"", "0", Shard{}, "number of shards"},
		{"1/2/3", "", Shard{}, "number of shards"},
		{"a/b", "", Shard{}, "number of shards"},
		{"0/70000", "", Shard{}, "number of shards"},
	} {
		got, err := ParseShard(test.text, test.index)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("ParseShard(%q, %q) = %v, %v, want %v, %q", test.text, test.index, got, err, test.want, test.err)
		}
	}
}

// Each account belongs to exactly one shard, the shards have similar sizes, and an account stays where it is.
func TestShards(t *testing.T) {
	const count, accounts = 8, 4000
	sizes := make([]int, count)
	for i := range accounts {
		account, owners := fmt.Sprintf("%012d", 100_000_000_000+i*7), 0
		for index := range count {
			if (Shard{index, count}).Has(account) {
				owners++
				sizes[index]++
			}
		}
		if owners != 1 || !(Shard{}).Has(account) {
			t.Fatalf("account %s belongs to %d shards, want 1", account, owners)
		}
	}
	for index, size := range sizes {
		if size < accounts/count*4/5 || size > accounts/count*6/5 {
			t.Errorf("shard %d/%d has %d of %d accounts", index, count, size, accounts)
		}
	}
	// Reports of different versions of the program belong together, so the rule never changes.
	for account, want := range map[string]Shard{
		"111122223333": {4, 8}, "444455556666": {7, 8}, "777788889999": {4, 8},
	} {
		if !want.Has(account) {
			t.Errorf("account %s does not belong to shard %s", account, want)
		}
	}
}

func FuzzParseShard(f *testing.F) {
	f.Add("1/8", "")
	f.Add("8", "1")
	f.Fuzz(func(t *testing.T, text, index string) {
		s, err := ParseShard(text, index)
		if err == nil && (s.Count < 1 || s.Index < 0 || s.Index >= s.Count) {
			t.Errorf("ParseShard(%q, %q) = %v", text, index, s)
		}
	})
}

func TestListedAccounts(t *testing.T) {
	for note, want := range map[string]int{
		shardNote(Shard{3, 8}, 0, 2): 2, shardNote(Shard{0, 65535}, 12, 40_000): 40_000,
		"shard 3/8: 0 of 2 accounts in a sentence": 0, "shard 3/8: 0 of -2 account": 0, "shard 0/0: 0 of 2 accounts": 0,
		"shard 3/8": 0, "": 0,
	} {
		if got, ok := listedAccounts(note); ok != (want > 0) || ok && got != want {
			t.Errorf("listedAccounts(%q) = %d, %v, want %d", note, got, ok, want)
		}
	}
}
