package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
)

func newFault(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use: "fault", Short: "Break things on purpose: AWS calls, the key, the association, the API server",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFaultList(g), newFaultAdd(g), newFaultClear(g))
	return cmd
}

func newFaultList(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the faults in force", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			faults, err := client.Faults(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return printJSON(g.stdout, faults)
			}
			for _, line := range Describe(faults) {
				fmt.Fprintln(g.stdout, line)
			}
			return nil
		},
	}
	outputFlag(cmd, &output)
	return cmd
}

func newFaultClear(g *globals) *cobra.Command {
	return &cobra.Command{
		Use: "clear", Short: "End all faults", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			return client.SetFaults(cmd.Context(), admin.Faults{})
		},
	}
}

func newFaultAdd(g *globals) *cobra.Command {
	var f faultFlags
	cmd := &cobra.Command{
		Use:   "add KIND",
		Short: "Add a fault: " + strings.Join(faultKinds(), ", "),
		Long: `Add a fault. Kinds for AWS calls, cut down by --service, --operation, --region,
--account, --cluster (globs), --rate and --times:
  throttle           ThrottlingException
  latency            answers after --latency
  5xx                --status, 500 if not given
  denied             AccessDeniedException, naming principal, action and resource
  drop               the connection is cut
Kinds for the lab's own cluster:
  disabled-key       the cluster's key, or alias/lab before an association, is disabled
  key-state          the key's state is --state (PendingDeletion, PendingImport, …)
  failing-update     associations end as Failed, with --message
  health             DescribeCluster shows the issue --code (KmsKeyDisabled, …)
  apiserver-stopped  the API server is killed and stays down
  apiserver-slow     the API server stands still for the share --rate of the time`,
		Args: cobra.ExactArgs(1), ValidArgs: faultKinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := g.daemon()
			if err != nil {
				return err
			}
			faults, err := client.Faults(cmd.Context())
			if err != nil {
				return err
			}
			if err := f.add(&faults, args[0]); err != nil {
				return err
			}
			return client.SetFaults(cmd.Context(), faults)
		},
	}
	f.bind(cmd)
	return cmd
}

// faultFlags are the details of a fault.
type faultFlags struct {
	fakeaws.Fault
	state, healthCode string
}

func (f *faultFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Service, "service", "", "AWS service: eks, kms, sts, …")
	flags.StringVar(&f.Operation, "operation", "", "AWS operation, such as DescribeKey")
	flags.StringVar(&f.Region, "region", "", "AWS region")
	flags.StringVar(&f.Account, "account", "", "Account of the caller")
	flags.StringVar(&f.Cluster, "cluster", "", "Name of the cluster in an EKS call")
	flags.Float64Var(&f.Rate, "rate", 1, "Share of the calls, or of the time, 0 to 1")
	flags.IntVar(&f.Times, "times", 0, "How often it strikes (0: for ever)")
	flags.IntVar(&f.Status, "status", 500, "HTTP status of 5xx")
	flags.DurationVar(&f.Latency, "latency", 200*time.Millisecond, "How late answers are")
	flags.StringVar(&f.Message, "message", "", "The error's text")
	flags.StringVar(&f.state, "state", "PendingDeletion", "State of the key")
	flags.StringVar(&f.healthCode, "code", "KmsKeyDisabled", "Code of the health issue")
}

// add puts the fault among the others.
func (f *faultFlags) add(faults *admin.Faults, kind string) error {
	if f.Rate <= 0 || f.Rate > 1 {
		return errors.New("--rate must be above 0, and 1 at most")
	}
	one := f.Fault
	status, latency := one.Status, one.Latency
	one.Status, one.Latency = 0, 0
	s := &faults.Switches
	switch kind {
	case "throttle":
		one.Status, one.Code = 429, "ThrottlingException"
	case "latency":
		one.Latency = latency
	case "5xx":
		one.Status = status
	case "denied":
		one.Status, one.Code = 403, "AccessDeniedException"
	case "drop":
		one.Status = -1
	case "disabled-key":
		s.KeyState = "Disabled"
	case "key-state":
		s.KeyState = f.state
	case "failing-update":
		s.FailAssociation = or(f.Message, "The key could not be used")
	case "health":
		s.Health = append(s.Health, f.healthCode)
	case "apiserver-stopped":
		s.APIServer = "stopped"
	case "apiserver-slow":
		s.APIServer, s.Frozen = "slow", min(f.Rate, 0.95)
	default:
		return fmt.Errorf("unknown kind %q; there are %s", kind, strings.Join(faultKinds(), ", "))
	}
	if slices.Contains(faultKinds()[:5], kind) {
		faults.AWS = append(faults.AWS, one)
	}
	return nil
}

func faultKinds() []string {
	return []string{
		"throttle", "latency", "5xx", "denied", "drop",
		"disabled-key", "key-state", "failing-update", "health", "apiserver-stopped", "apiserver-slow",
	}
}

// Describe says each fault in a line.
func Describe(f admin.Faults) (lines []string) {
	for _, a := range f.AWS {
		where := strings.Join([]string{or(a.Service, "*"), or(a.Operation, "*"), or(a.Region, "*"), or(a.Account, "*"), or(a.Cluster, "*")}, " ")
		line := "aws " + where + ": "
		switch {
		case a.Status < 0:
			line += "connection dropped"
		case a.Status > 0 || a.Code != "":
			line += strings.TrimSpace(strconv.Itoa(a.Status) + " " + a.Code)
		default:
			line += "late"
		}
		if a.Latency > 0 {
			line += " after " + a.Latency.String()
		}
		if a.Rate > 0 && a.Rate < 1 {
			line += fmt.Sprintf(", %g of the calls", a.Rate)
		}
		if a.Times > 0 {
			line += fmt.Sprintf(", %d times more", a.Times)
		}
		lines = append(lines, line)
	}
	s := f.Switches
	for name, value := range map[string]string{
		"key state": s.KeyState, "associations fail": s.FailAssociation, "health issues": strings.Join(s.Health, ", "),
	} {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	if s.APIServer != "" && s.APIServer != "running" {
		lines = append(lines, "API server: "+s.APIServer)
	}
	slices.Sort(lines)
	return lines
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
