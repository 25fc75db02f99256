package report

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// writeJUnit writes one suite for each cluster and one test case for each of its controls. A finding is a failure. A
// control without a result and an unreachable location are errors: if they were skipped, the build would pass. Waived
// findings and controls that do not apply or are not enforced are skipped, with the reason.
func writeJUnit(w io.Writer, v *reportRows) error {
	all := junit.Testsuites{Name: toolName + " audit"}
	for _, c := range v.Clusters {
		suite := v.suite(len(all.Suites), c.Label())
		for _, p := range []junit.Property{
			{Name: "cluster", Value: c.ID}, {Name: "account", Value: c.Account}, {Name: "region", Value: c.Region},
			{Name: "verdict", Value: string(c.Item.Encryption.Verdict)},
			{Name: "scope", Value: string(c.Item.Encryption.Scope)}, {Name: "key", Value: c.Item.Encryption.KeyARN},
		} {
			if p.Value != "" {
				suite.AddProperty(p.Name, p.Value)
			}
		}
		for _, r := range c.Rows {
			suite.AddTestcase(testCase(r))
		}
		all.AddSuite(suite)
	}
	if len(v.Unreachable) > 0 {
		suite := v.suite(len(all.Suites), "unreachable")
		for _, u := range v.Unreachable {
			c := junit.Testcase{Classname: "unreachable", Name: location(u)}
			if u.Waiver == nil {
				c.Error = &junit.Result{Type: "Unreachable", Message: u.Reason}
			} else {
				c.Skipped = &junit.Result{Message: unreachableText(u)}
			}
			suite.AddTestcase(c)
		}
		all.AddSuite(suite)
	}
	if len(v.origin) > 0 {
		suite := v.suite(len(all.Suites), "provenance")
		suite.Properties = nil
		for _, f := range v.origin {
			suite.AddProperty(f.Key, f.Value)
		}
		all.AddSuite(suite)
	}
	all.Skipped = 0 // the schema has no such attribute here
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	return all.WriteXML(w)
}

// suite returns an empty suite. Its time is 0 because single controls are not timed.
func (v *reportRows) suite(id int, name string) junit.Testsuite {
	suite := junit.Testsuite{ID: id, Name: name, Time: "0", Timestamp: v.At().Format("2006-01-02T15:04:05")}
	for _, p := range []junit.Property{{Name: "program", Value: v.toolVersion()}, {Name: "caller", Value: v.callerARN()}} {
		if p.Value != "" {
			suite.AddProperty(p.Name, p.Value)
		}
	}
	return suite
}

func testCase(r row) junit.Testcase {
	c := junit.Testcase{Classname: className(r.Cluster), Name: r.Control.ID + " " + r.Control.Name}
	switch r.State {
	case stateFinding:
		c.Failure = &junit.Result{Type: string(r.Severity), Message: r.Reason, Data: xmlText(advice(r))}
	case stateUndecided:
		c.Error = &junit.Result{Type: "Undecided", Message: r.Reason, Data: xmlText(advice(r))}
	case stateWaived:
		c.Skipped = &junit.Result{Message: "waived: " + waiverText(r.Waiver)}
	case stateNotApplicable:
		c.Skipped = &junit.Result{Message: "does not apply: " + r.Reason}
	case stateInfo:
		c.Skipped = &junit.Result{Message: "failed, but not enforced: " + r.Reason}
	case stateNotAnswered:
		c.Skipped = &junit.Result{Message: "unknown, but not enforced: " + r.Reason}
	}
	return c
}

// className returns account.region.cluster; CI systems show a tree with one level for each dot.
func className(c *cluster) string {
	part := func(s string) string { return strings.ReplaceAll(s, ".", "_") }
	if c.Account == "" || c.Region == "" {
		return part(c.Name)
	}
	return part(c.Account) + "." + part(c.Region) + "." + part(c.Name)
}

// xmlText replaces the characters that XML does not allow. The encoder does this everywhere except in CDATA sections.
func xmlText(s string) string {
	return strings.NewReplacer("\uFFFE", "\uFFFD", "\uFFFF", "\uFFFD").Replace(s)
}
