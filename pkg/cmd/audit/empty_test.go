package audit

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// TestEmptyValues checks that no flag that selects or restricts something is ignored if its value is empty.
func TestEmptyValues(t *testing.T) {
	NewCmd(&cmdutil.Factory{}).LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if t := f.Value.Type(); t != "string" && t != "stringSlice" {
			return // an empty name of a file, or an empty tag, is not valid elsewhere
		}
		cmd := NewCmd(&cmdutil.Factory{})
		if err := cmd.ParseFlags([]string{"--" + f.Name + "="}); err != nil {
			t.Fatal(err)
		}
		err := checkEmpty(cmd.LocalNonPersistentFlags())
		if err == nil || !strings.Contains(err.Error(), "--"+f.Name+" is given without a value") {
			t.Errorf("--%s without a value: %v, want an error that names it", f.Name, err)
		}
	})
}
