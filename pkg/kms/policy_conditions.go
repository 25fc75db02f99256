package kms

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// truth is the outcome of a part of a policy. The order is that of certainty: the least decides a conjunction, the
// greatest a disjunction.
type truth int

const (
	no truth = iota
	unsure
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// fact is what is known of a condition key. A key without a fact is unknown.
type fact struct {
	// values are the possible values; EKS's request has one of them.
	values []string
	// absent is true if the request does not have the key.
	absent bool
	// optional is true if the request may lack the key.
	optional bool
}

// conditionsHold evaluates the conditions of a statement. doubts describes those that could not be evaluated, failed
// those that do not hold.
func conditionsHold(c map[string]map[string]list[any], facts map[string]fact) (holds truth, doubts, failed []string) {
	holds = yes
	for _, operator := range slices.Sorted(maps.Keys(c)) {
		for _, key := range slices.Sorted(maps.Keys(c[operator])) {
			wanted := texts(c[operator][key])
			one := unsure
			if f, known := facts[strings.ToLower(key)]; known {
				one = evaluate(operator, wanted, f)
			}
			holds = min(holds, one)
			text := fmt.Sprintf("%s %s %s", operator, key, strings.Join(wanted, ", "))
			switch one {
			case unsure:
				doubts = append(doubts, text)
			case no:
				failed = append(failed, text)
			}
		}
	}
	return holds, doubts, failed
}

// evaluate applies an operator of IAM to a fact. Operators and values that are not understood are unsure.
func evaluate(operator string, wanted []string, f fact) truth {
	if len(wanted) == 0 || slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(w, "${") }) {
		return unsure // IAM replaces variables such as ${aws:username}
	}
	base := operator
	anyOf, allOf := false, false
	if rest, found := strings.CutPrefix(base, "ForAnyValue:"); found {
		base, anyOf = rest, true
	} else if rest, found := strings.CutPrefix(base, "ForAllValues:"); found {
		base, allOf = rest, true
	}
	base, ifExists := strings.CutSuffix(base, "IfExists")
	if base == "Null" {
		if f.optional || len(wanted) > 1 {
			return unsure
		}
		return truthOf(strings.EqualFold(wanted[0], fmt.Sprint(f.absent)))
	}
	same, negated := comparison(base)
	switch {
	case same == nil:
		return unsure
	case f.absent:
		return truthOf(ifExists || allOf || negated && !anyOf)
	}
	least, most := yes, no
	if f.optional && ifExists {
		most = yes // it holds if the request lacks the key
	}
	for _, value := range f.values {
		match := slices.ContainsFunc(wanted, func(w string) bool { return same(w, value) })
		least, most = min(least, truthOf(match != negated)), max(most, truthOf(match != negated))
	}
	if least != most {
		return unsure
	}
	return least
}

// comparison returns the function that compares a wanted value with an actual one, or nil for an unknown operator.
func comparison(operator string) (same func(wanted, actual string) bool, negated bool) {
	positive := strings.Replace(operator, "Not", "", 1)
	negated = positive != operator
	switch positive {
	case "StringEquals":
		return func(w, v string) bool { return w == v }, negated
	case "StringEqualsIgnoreCase":
		return strings.EqualFold, negated
	case "StringLike", "ArnLike", "ArnEquals":
		return matches, negated
	}
	if operator == "Bool" {
		return strings.EqualFold, false
	}
	return nil, false
}

// matches reports whether s matches a pattern of IAM: * is any text, ? is any character.
func matches(pattern, s string) bool {
	p, text := []rune(pattern), []rune(s)
	star, mark := -1, 0 // the last * of the pattern, and where its text ends so far
	i, j := 0, 0
	for j < len(text) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == text[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(string(p[i:]), "*") == ""
}
