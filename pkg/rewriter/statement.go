package rewriter

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// statement explains the verdict. It claims only what was established.
func (t *total) statement(verdict v1alpha1.CoverageVerdict) string {
	var s strings.Builder
	printf := func(format string, args ...any) { fmt.Fprintf(&s, format, args...) }
	existing, proven := t.Total-t.Gone, t.Current+t.Rewritten
	objects, key := t.objectsName(), keyName(t.options.KeyARN)
	method := t.options.Method
	switch {
	case existing == 0 && !t.incomplete():
		printf("There are no %s.", objects)
	case method == v1alpha1.MethodReadOnly:
		t.readOnlyStatement(printf, existing)
	case method == v1alpha1.MethodMetrics:
		t.metricsStatement(printf, verdict, existing)
	case verdict == v1alpha1.CoverageContradicted:
		printf("%s not written since before the association, and an API server called %s current: it does not write "+
			"with %s.", count(t.contradicted, "object was", "objects were"), pronoun(t.contradicted), key)
	case verdict == v1alpha1.CoverageProven:
		printf("All %d %s are encrypted with %s. %s verified this by one no-op write per object.", existing, objects, key,
			t.serversText())
	case proven == 0:
		printf("It is not proven that any of %d %s is encrypted with %s: %s.", existing, objects, key, t.reason())
	case sampling(method):
		t.sampleStatement(printf, verdict, proven, existing)
	default:
		printf("%d of %d %s are encrypted with the write key of the API server that answered. This does not prove "+
			"that all are encrypted with %s: %s.", proven, existing, objects, key, t.reason())
	}
	if writes(method) && t.Rewritten > 0 && !sampling(method) {
		printf(" The storage wrote %d of them during this run", t.Rewritten)
		if t.Stale > 0 {
			printf("; at least %s stale: %s not been written since before the association",
				count(t.Stale, "of these was", "of these were"), map[bool]string{true: "it had", false: "they had"}[t.Stale == 1])
		}
		printf(".")
	}
	if t.Failed > 0 {
		printf(" %d could not be examined; see the failures.", t.Failed)
	}
	if t.unstable > 0 {
		printf(" %s on every write, so the key could not be determined.", count(t.unstable, "changes", "change"))
	}
	if t.stopped {
		printf(" The run stopped early.")
	}
	return s.String()
}

func pronoun(n int64) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

func (t *total) readOnlyStatement(printf func(string, ...any), existing int64) {
	objects, key := t.objectsName(), keyName(t.options.KeyARN)
	switch {
	case t.Current == 0:
		printf("Could not verify that any of %d %s is encrypted with %s: "+
			"reading names alone cannot show which key an object is encrypted with.", existing, objects, key)
	case t.Current == existing && t.incomplete():
		printf("%d %s are encrypted with %s, according to the record in ConfigMap %s. Others could not be listed.",
			existing, objects, key, recordName)
	case t.Current == existing:
		printf("All %d %s are encrypted with %s, according to the record in ConfigMap %s.",
			existing, objects, key, recordName)
	default:
		printf("%d of %d %s are encrypted with %s, according to the record in ConfigMap %s. "+
			"The other %d may be encrypted with it or with an older key.",
			t.Current, existing, objects, key, recordName, existing-t.Current)
	}
}

func (t *total) metricsStatement(printf func(string, ...any), verdict v1alpha1.CoverageVerdict, existing int64) {
	objects, key := t.objectsName(), keyName(t.options.KeyARN)
	switch {
	case verdict == v1alpha1.CoverageProven:
		printf("All %d %s are encrypted with %s: the API server counted no read of them under another key.",
			existing, objects, key)
	case t.Stale > 0:
		printf("%d of %d %s are not encrypted with the key that the API servers write with, and %d are; run rewrite.",
			t.Stale, existing, objects, t.Current)
	case t.Current == 0:
		printf("It is not proven that any of %d %s is encrypted with %s: %s.", existing, objects, key, t.reason())
	default:
		printf("%d of %d %s are encrypted with the key that the API server writes with. This does not prove that all "+
			"are encrypted with %s: %s.", t.Current, existing, objects, key, t.reason())
	}
	if left := t.Unproven - t.Stale; left > 0 && !t.takenBack {
		printf(" %d are not proven: others read at the same time, or the API server did not count the reads.", left)
	}
}

// sampleStatement prints what a sample shows about all objects.
func (t *total) sampleStatement(
	printf func(string, ...any), verdict v1alpha1.CoverageVerdict, proven, existing int64,
) {
	objects, key := t.objectsName(), keyName(t.options.KeyARN)
	switch {
	case verdict == v1alpha1.CoverageStale:
		printf("%d of %d %s drawn at random were not encrypted with %s, so others may not be either; run rewrite.",
			t.Stale, proven, objects, key)
	case t.Rewritten > 0:
		printf("The storage wrote %d of %d %s drawn at random: they were encrypted with an older key, or stored in an "+
			"older version, or an admission policy or another client changed them; run rewrite.",
			t.Rewritten, proven, objects)
	case !t.bounded():
		// An incomplete sample is not random, so it gives no bound.
		printf("%d of %d %s are encrypted with the write key of the API server that answered. This does not prove "+
			"how many are encrypted with %s: %s.", proven, existing, objects, key, t.reason())
	default:
		printf("0 of %d %s drawn at random were stale: they are encrypted with %s. %s agreed. "+
			"With 95 %% confidence, ", proven, objects, key, t.serversText())
		// Samples of different populations cannot be combined, so each has its own bound.
		var stale, population int64
		for _, r := range t.resources {
			n := r.Total - r.Gone
			if n == 0 {
				continue
			}
			if m := maxStale(n, r.Current); population == 0 || m*population > stale*n {
				stale, population = m, n
			}
		}
		if len(t.resources) == 1 {
			printf("at most %d of %d are stale (%s).", stale, population, percentage(stale, population))
		} else {
			printf("%s of the objects of each resource are stale.", percentage(stale, population))
		}
	}
}
