package seeded

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// objects returns objects in etcd: names of secrets with a letter for the provider each.
func objects(text string) map[string]string {
	all := map[string]string{
		"/registry/configmaps/default/a": "aws-owned", "/registry/ranges/a": "identity", "/registry/leases/a": "aws-owned",
	}
	for _, field := range strings.Fields(text) {
		name, provider, _ := strings.Cut(field, "=")
		all["/registry/secrets/default/"+name] = map[string]string{
			"c": "customer", "o": "aws-owned", "p": "identity",
		}[provider]
	}
	return all
}

// history returns the providers of secrets, one after the other.
func history(text string) map[string][]string {
	all := map[string][]string{}
	for _, field := range strings.Fields(text) {
		name, providers, _ := strings.Cut(field, "=")
		for _, provider := range providers {
			for key, p := range objects(name + "=" + string(provider)) {
				if strings.HasSuffix(key, "/secrets/default/"+name) {
					all[key] = append(all[key], p)
				}
			}
		}
	}
	return all
}

// TestContradictions checks the rules by which etcd judges a report.
func TestContradictions(t *testing.T) {
	const arn = "arn:key"
	report := func(verdict, key, statement string) labtest.Coverage {
		return labtest.Coverage{Method: "Rewrite", Verdict: verdict, KeyARN: key, Statement: statement}
	}
	counts := func(method, writeKey string, current, stale int) labtest.Coverage {
		c := report("NotProven", arn, "")
		c.Method, c.Servers.WriteKey = method, writeKey
		c.Resources = append(c.Resources, labtest.Resource{Resource: secrets, Current: current, Stale: stale})
		return c
	}
	for name, tt := range map[string]struct {
		run  Run
		want string // part of the contradiction; empty if there is none
	}{
		"proven":           {Run{Coverage: report("Proven", arn, ""), After: objects("a=c b=c")}, ""},
		"proven, one old":  {Run{Coverage: report("Proven", arn, ""), After: objects("a=c b=o")}, "etcd has"},
		"proven, all old":  {Run{Coverage: report("Proven", arn, ""), After: objects("a=o b=o")}, "etcd has"},
		"proven, plain":    {Run{Coverage: report("Proven", arn, ""), After: objects("a=c b=p")}, "etcd has"},
		"no key, one key":  {Run{Coverage: report("Proven", "", ""), After: objects("a=o b=o")}, ""},
		"no key, two keys": {Run{Coverage: report("Proven", "", ""), After: objects("a=o b=o c=c")}, "etcd has"},
		"all resources": {
			Run{Coverage: report("Proven", arn, ""), After: objects("a=c"), AllResources: true}, "aws-owned:1",
		},
		"recorded":          {Run{Coverage: report("Recorded", arn, ""), Code: 3, After: objects("a=c")}, ""},
		"recorded, one old": {Run{Coverage: report("Recorded", arn, ""), Code: 3, After: objects("a=o")}, "etcd has"},
		"stale":             {Run{Coverage: report("Stale", arn, ""), Code: 1, Before: objects("a=o")}, ""},
		"stale, none was":   {Run{Coverage: report("Stale", arn, ""), Code: 1, Before: objects("a=c")}, "etcd had"},
		"bound": {
			Run{Coverage: report("NotProven", arn, "at most 1 of 3 are stale"), Code: 3, After: objects("a=c b=o c=c")}, "",
		},
		"bound, more": {
			Run{Coverage: report("NotProven", arn, "at most 1 of 3 are stale"), Code: 3, After: objects("a=o b=o c=c")},
			"at most 1",
		},
		"metrics": {Run{Coverage: counts("Metrics", "MatchesARN", 1, 1), Code: 3, Before: objects("a=c b=o"),
			After: objects("a=c b=o")}, ""},
		"metrics, too many current": {Run{Coverage: counts("Metrics", "MatchesARN", 2, 0), Code: 3,
			Before: objects("a=c b=o"), After: objects("a=c b=o")}, "2 are current"},
		"metrics of an old key": {Run{Coverage: counts("Metrics", "Unrecognized", 2, 0), Code: 3,
			Before: objects("a=o b=o"), After: objects("a=o b=o")}, ""},
		"too many stale": {Run{Coverage: counts("Rewrite", "", 0, 2), Code: 1, Before: objects("a=c b=o"),
			After: objects("a=c b=c")}, "2 were stale"},
		"metadata, too many": {Run{Coverage: counts("ReadOnly", "", 2, 0), Code: 3, After: objects("a=c b=o")},
			"2 are current"},
		"moved back": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=o"),
			History: history("a=co")}, "[customer aws-owned]"},
		"moved back and forth": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=c"),
			History: history("a=coc")}, ""},
		"compared": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=o"),
			History: history("a=oco")}, ""},
		"two rewritten and moved back": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=o b=o"),
			History: history("a=oco b=oco")}, "[aws-owned customer aws-owned]"},
		"deleted": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects(""),
			History: history("a=co")}, ""},
		"exit code": {Run{Coverage: report("NotProven", arn, ""), After: objects("a=c")}, "exit code 0"},
		"healthy":   {Run{Coverage: report("Proven", arn, ""), After: objects("a=c"), Healthy: true, Reachable: true}, ""},
		"healthy, not proven": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=c"), Healthy: true,
			Reachable: true}, "a healthy run ends NotProven"},
		"healthy, one is not reached": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=c"),
			Healthy: true}, ""},
		"healthy, left behind": {Run{Coverage: report("NotProven", arn, ""), Code: 1, After: objects("a=o"),
			Healthy: true, Reachable: true, Unshown: true}, "after a healthy run"},
		"healthy, contradicted": {Run{Coverage: report("Contradicted", arn, ""), Code: 1, After: objects("a=c"),
			Healthy: true}, "all servers write"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(tt.run.Contradictions(), "; ")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("contradictions = %q, want %q", got, tt.want)
			}
		})
	}
}

// TestDraw checks that the seeds draw every kind of scenario and command, and that a seed
// always draws the same.
func TestDraw(t *testing.T) {
	kinds, commands, readable := map[string]int{}, map[string]int{}, 0
	for seed := range uint64(100) {
		s := draw(seed + 1)
		if s.String() != draw(seed+1).String() {
			t.Fatalf("seed %d draws %s and %s", seed+1, s, draw(seed+1))
		}
		kinds[s.Kind]++
		commands[strings.Join(s.Command[:min(2, len(s.Command))], " ")]++
		if s.Readable {
			readable++
		}
	}
	for _, kind := range []string{lags, catchesUp, allLag, changes, associating, goesBack, noFault} {
		if kinds[kind] == 0 {
			t.Errorf("100 seeds draw no scenario with %s: %v", kind, kinds)
		}
	}
	for _, command := range []string{"verify", "verify --probe", "verify --by-metrics", "verify --sample",
		"rewrite --all-resources", "rewrite --via=migrator"} {
		if commands[command] == 0 {
			t.Errorf("100 seeds draw no %s: %v", command, commands)
		}
	}
	if readable == 0 || readable == 100 {
		t.Errorf("of 100 lagging servers, %d can read the new key, want some", readable)
	}
}
