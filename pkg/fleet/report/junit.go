package report

import (
	"encoding/xml"
	"io"
	"strings"
)

// The elements of JUnit that CI systems read. A suite is a cluster, a case one of
// its controls. A finding is a failure. What could not be answered or asked is an
// error, since a build that skips it would be green without anybody knowing.
// Waived findings, and controls that don't apply or don't decide, are skipped,
// with the reason.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string          `xml:"name,attr"`
		Tests      int             `xml:"tests,attr"`
		Failures   int             `xml:"failures,attr"`
		Errors     int             `xml:"errors,attr"`
		Skipped    int             `xml:"skipped,attr"`
		Timestamp  string          `xml:"timestamp,attr"`
		Properties *[]junitProp    `xml:"properties>property,omitempty"`
		Cases      []junitTestCase `xml:"testcase"`
	}
	junitProp struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitTestCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Failure *junitResult `xml:"failure"`
		Error   *junitResult `xml:"error"`
		Skipped *junitResult `xml:"skipped"`
	}
	junitResult struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(w io.Writer, v *view) error {
	all := junitSuites{Name: toolName + " audit"}
	stamp := v.at().Format("2006-01-02T15:04:05")
	for i := range v.clusters {
		c := &v.clusters[i]
		suite := junitSuite{Name: c.name, Timestamp: stamp, Properties: c.properties()}
		for _, r := range c.rows {
			suite.add(junitCase(r))
		}
		all.add(suite)
	}
	if len(v.Unreachable) > 0 {
		suite := junitSuite{Name: "could not be asked", Timestamp: stamp}
		for _, u := range v.Unreachable {
			suite.add(junitTestCase{Class: "unreachable", Name: placeWords(u), Error: &junitResult{Type: "Unreachable", Message: u.Reason}})
		}
		all.add(suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitCase(r row) junitTestCase {
	c := junitTestCase{Class: junitClass(r.cluster), Name: r.control.ID + " " + r.control.Name}
	switch r.state {
	case stateFinding:
		c.Failure = &junitResult{Type: string(r.severity), Message: r.reason, Text: advice(r)}
	case stateUndecided:
		c.Error = &junitResult{Type: "Undecided", Message: r.reason, Text: advice(r)}
	case stateWaived:
		c.Skipped = &junitResult{Message: "waived: " + waiverWords(r.waiver)}
	case stateNotApplicable:
		c.Skipped = &junitResult{Message: "does not apply: " + r.reason}
	case stateInfo:
		c.Skipped = &junitResult{Message: "fails, but was not asked to decide: " + r.reason}
	case stateNotAnswered:
		c.Skipped = &junitResult{Message: "unknown, but was not asked to decide: " + r.reason}
	}
	return c
}

// junitClass places the cluster in a tree, which CI systems cut at the dots.
func junitClass(c *cluster) string {
	part := func(s string) string { return strings.ReplaceAll(s, ".", "_") }
	if c.account == "" || c.region == "" {
		return part(c.name)
	}
	return part(c.account) + "." + part(c.region) + "." + part(c.name)
}

func advice(r row) string {
	text := r.remedy
	if r.waiver != nil {
		text = strings.TrimSpace(expiredWords(r.waiver) + " " + text)
	}
	return text
}

func (c *cluster) properties() *[]junitProp {
	var props []junitProp
	for _, p := range []junitProp{
		{"cluster", c.id}, {"account", c.account}, {"region", c.region},
		{"verdict", string(c.item.Encryption.Verdict)}, {"scope", string(c.item.Encryption.Scope)}, {"key", c.item.Encryption.KeyARN},
	} {
		if p.Value != "" {
			props = append(props, p)
		}
	}
	if len(props) == 0 {
		return nil
	}
	return &props
}

func (s *junitSuite) add(c junitTestCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func (s *junitSuites) add(suite junitSuite) {
	s.Suites = append(s.Suites, suite)
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
}
