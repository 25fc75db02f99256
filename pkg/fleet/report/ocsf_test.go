package report

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestOCSFSchemaRefuses checks that the schema detects what OCSF does not allow.
func TestOCSFSchemaRefuses(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", "schemas",
		"ocsf-1.5.0-compliance_finding.json"))
	if err != nil {
		t.Fatal(err)
	}
	text := render(t, "ocsf", fixture(t))
	for name, change := range map[string][2]string{
		"deprecated attribute": {`"status_details": [`, `"status_detail": "x", "status_details": [`},
		"unknown attribute":    {`"activity_id": `, `"activity": "x", "activity_id": `},
		"wrong caption":        {`"status": "Fail"`, `"status": "Failed"`},
		"wrong class":          {`"class_uid": 2003`, `"class_uid": 2004`},
		"unknown enum value":   {`"severity_id": 5`, `"severity_id": 7`},
		"missing attribute":    {`"provider": "AWS",`, ``},
		"wrong type":           {`"standards": [`, `"control": 1, "standards": [`},
	} {
		changed := strings.Replace(text, change[0], change[1], 1)
		if changed == text {
			t.Errorf("%s: the report does not contain %q", name, change[0])
			continue
		}
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(changed))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(value) == nil {
			t.Errorf("%s: valid, want an error", name)
		}
	}
}

// TestOCSFAccountName checks that an account has its name in the organization, if that is known.
func TestOCSFAccountName(t *testing.T) {
	r := fixture(t)
	r.Scope.AccountNames = map[string]string{prod: "payments <prod>"}
	text := render(t, "ocsf", r)
	validate(t, "ocsf-1.5.0-compliance_finding.json", text)
	if !strings.Contains(text, `"uid": "`+prod+`",
        "name": "payments \u003cprod\u003e",`) {
		t.Errorf("no name of account %s", prod)
	}
	if !strings.Contains(text, `"uid": "`+dev+`",
        "type": "AWS Account",`) {
		t.Errorf("account %s, whose name is unknown, has one", dev)
	}
}
