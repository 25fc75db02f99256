package cmd_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

const (
	ctrlC = "\x03"
	enter = "\r"
)

const goodKey = "arn:aws:kms:eu-central-1:" + awstest.Account + ":key/11111111-0000-0000-0000-000000000001"

// TestConfirmation checks that only the cluster's name confirms an association.
func TestConfirmation(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, typed string
		code        int
		text        string
	}{
		{"a wrong name", "payments-prod" + enter, 1, `"payments-prod" is not the cluster's name`},
		{"yes is not the name", "yes" + enter, 1, `"yes" is not the cluster's name`},
		{"nothing", enter, 1, "is not the cluster's name"},
		{"the end of the input", "\x04", 1, "no answer was given"},
		{"Ctrl-C", ctrlC, 130, "interrupted"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newPluginTest(t, time.Millisecond)
			c := w.console(t, nil, "associate", "alias/good", "--context", "payments-128", "--no-record")
			c.expect("cannot be undone")
			c.expect("must outlive")
			c.expect("\r\n\r\nCluster: arn:aws:eks:eu-central-1:" + awstest.Account + ":cluster/payments-128\r\n" +
				"Account: " + awstest.Account + "\r\nKey:     " + goodKey + "\r\n" +
				"Caller:  " + awstest.User().ARN + "\r\nType the cluster's name to continue: ")
			c.send(test.typed)
			shown := c.ends(test.code)
			if !strings.Contains(shown, test.text) || !strings.Contains(shown, "nothing was sent, nothing was changed") {
				t.Errorf("shown:\n%s", shown)
			}
			if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); n != 0 {
				t.Errorf("%d calls of AssociateEncryptionConfig, want 0", n)
			}
		})
	}
}

// TestPicker checks the list of keys: an ineligible key shows the reason, and an eligible one is used.
func TestPicker(t *testing.T) {
	t.Parallel()
	w := newPluginTest(t, time.Millisecond)
	c := w.console(t, nil, "associate", "--context", "payments-128", "--no-record")
	c.expect("Select a key.")
	c.expect("alias/good")
	c.send("/disabled")
	c.expect("x alias/disabled: it is disabled")
	c.send(enter)
	c.expect("it is disabled")
	c.send(ctrlC)
	if shown := c.ends(130); !strings.Contains(shown, "no key was selected: nothing was sent") {
		t.Errorf("shown:\n%s", shown)
	}

	c = w.console(t, nil, "associate", "--context", "payments-128", "--no-record")
	c.expect("Select a key.")
	c.send("/good")
	c.expect("/good")
	c.send(enter)
	c.expect("Plan: associate a KMS key with EKS cluster payments-128")
	c.expect(goodKey)
	c.expect("Type the cluster's name to continue: ")
	c.send("payments-128" + enter)
	c.expect("EKS accepted the request: update ")
	c.expect("CustomerManagedKey")
	c.expect("Rewrite all Secrets now? [y/N] ")
	c.send("n" + enter)
	c.ends(0)
	if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig, want 1", n)
	}
}

// TestPickerOfMany checks that every one of many keys can be reached by moving and by filtering.
func TestPickerOfMany(t *testing.T) {
	t.Parallel()
	w := newPluginTest(t, time.Millisecond)
	if err := w.Update(func(state *fakeaws.State) {
		for range 300 {
			state.AddKey(fakeaws.Key{Region: "eu-central-1", Account: awstest.Account})
		}
	}); err != nil {
		t.Fatal(err)
	}
	c := w.console(t, nil, "associate", "--context", "payments-128")
	c.expect("Select a key.")
	c.expect("1 of 314")
	c.send("\x1b[F") // End
	c.expect("314 of 314")
	c.send("no such key")
	c.expect("None of 314 matches")
	c.send(ctrlC)
	c.ends(130)
}

// TestInterruptedWait checks that Ctrl-C ends only the wait, and that the printed command resumes it.
func TestInterruptedWait(t *testing.T) {
	t.Parallel()
	w := newPluginTest(t, time.Hour)
	c := w.console(t, nil, "associate", "alias/good", "--context", "payments-128", "--no-record")
	c.expect("Type the cluster's name to continue: ")
	c.send("payments-128" + enter)
	c.expect("EKS accepted the request: update ")
	c.expect("InProgress, update ")
	c.send(ctrlC)
	shown := c.ends(130)
	resume := regexp.MustCompile(`resume waiting with: ` +
		`kubectl eks-encrypt (associate --resume \S+ --no-record --context payments-128 ` +
		`--cluster-name arn:aws:eks:eu-central-1:111122223333:cluster/payments-128)\r?\n`)
	command := resume.FindStringSubmatch(shown)
	if command == nil || !strings.Contains(shown, "EKS continues to associate the key") {
		t.Fatalf("shown:\n%s", shown)
	}
	if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig, want 1", n)
	}
}

var colours = regexp.MustCompile(`\x1b\[([0-9]+;)*(3[0-7]|9[0-7]|4[0-7]|[34]8;[0-9;]*)m`)

// TestNoColour checks that NO_COLOR applies to the plan, the picker and the progress.
func TestNoColour(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		env     []string
		colours bool
	}{{nil, true}, {[]string{"NO_COLOR=1"}, false}} {
		w := newPluginTest(t, time.Millisecond)
		c := w.console(t, test.env, "associate", "--context", "payments-128", "--no-record")
		c.expect("Select a key.")
		c.send("/good")
		c.expect("/good")
		c.send(enter)
		c.expect("Type the cluster's name to continue: ")
		c.send("payments-128" + enter)
		c.expect("[y/N] ")
		c.send("n" + enter)
		c.ends(0)
		if found := colours.FindString(c.text); (found != "") != test.colours {
			t.Errorf("with %v: colour = %q, want one: %t", test.env, found, test.colours)
		}
	}
}
