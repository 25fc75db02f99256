package cmd

import (
	"cmp"
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
		Use: "fault", Short: "Inject faults into AWS calls, the key, associations or the API server",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFaultList(g), newFaultAdd(g), newFaultClear(g))
	return cmd
}

func newFaultList(g *globals) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "list", Short: "List the active faults", Args: cobra.NoArgs,
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
			for _, line := range describe(faults) {
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
		Use: "clear", Short: "Remove all faults", Args: cobra.NoArgs,
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
		Long: `Add a fault. Kinds for AWS calls, limited by --service, --operation, --region,
--account, --cluster (globs), --rate and --times:
  throttle           returns ThrottlingException
  latency            delays the response by --latency
  5xx                returns the HTTP status --status
  denied             returns AccessDeniedException, naming principal, action and resource
  drop               closes the connection
Kinds for the lab's own cluster:
  disabled-key       the cluster's key (before an association: alias/lab) is disabled
  key-state          the state of that key is --state (PendingDeletion, PendingImport, …)
  failing-update     associations end as Failed, with --message
  health             DescribeCluster returns the issue --code (KmsKeyDisabled, …)
  apiserver-stopped  the API server is killed and not restarted
  apiserver-slow     the API server is paused for the share --rate of the time`,
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
			if err := f.addTo(&faults, args[0]); err != nil {
				return err
			}
			return client.SetFaults(cmd.Context(), faults)
		},
	}
	f.bind(cmd)
	return cmd
}

// faultFlags are the flags of `fault add`.
type faultFlags struct {
	fakeaws.Fault
	keyState, healthCode string
}

func (f *faultFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Service, "service", "", "AWS service: eks, kms, sts, …")
	flags.StringVar(&f.Operation, "operation", "", "AWS operation, such as DescribeKey")
	flags.StringVar(&f.Region, "region", "", "AWS region")
	flags.StringVar(&f.Account, "account", "", "Account of the caller")
	flags.StringVar(&f.Cluster, "cluster", "", "Name of the cluster in an EKS call")
	flags.Float64Var(&f.Rate, "rate", 1, "Share of the calls or of the time that is affected, 0 to 1")
	flags.IntVar(&f.Times, "times", 0, "Number of calls that are affected (0: unlimited)")
	flags.IntVar(&f.Status, "status", 500, "HTTP status for 5xx")
	flags.DurationVar(&f.Latency, "latency", 200*time.Millisecond, "Delay for latency")
	flags.StringVar(&f.Message, "message", "", "Message of the error")
	flags.StringVar(&f.keyState, "state", "PendingDeletion", "State of the key for key-state")
	flags.StringVar(&f.healthCode, "code", "KmsKeyDisabled", "Code of the issue for health")
}

// addTo adds a fault of the given kind to faults.
func (f *faultFlags) addTo(faults *admin.Faults, kind string) error {
	if f.Rate <= 0 || f.Rate > 1 {
		return errors.New("--rate must be above 0 and at most 1")
	}
	fault := f.Fault
	fault.Status, fault.Latency = 0, 0
	cluster := &faults.Cluster
	switch kind {
	case "throttle":
		fault.Status, fault.Code = 429, "ThrottlingException"
	case "latency":
		fault.Latency = f.Latency
	case "5xx":
		fault.Status = f.Status
	case "denied":
		fault.Status, fault.Code = 403, "AccessDeniedException"
	case "drop":
		fault.Status = -1
	case "disabled-key":
		cluster.KeyState = "Disabled"
	case "key-state":
		cluster.KeyState = f.keyState
	case "failing-update":
		cluster.FailAssociation = cmp.Or(f.Message, "The key could not be used")
	case "health":
		cluster.Health = append(cluster.Health, f.healthCode)
	case "apiserver-stopped":
		cluster.APIServer = admin.APIServerStopped
	case "apiserver-slow":
		cluster.APIServer, cluster.PausedShare = admin.APIServerSlow, min(f.Rate, 0.95)
	default:
		return fmt.Errorf("unknown kind %q of fault; the kinds are %s", kind, strings.Join(faultKinds(), ", "))
	}
	if slices.Contains(faultKinds()[:5], kind) {
		faults.AWS = append(faults.AWS, fault)
	}
	return nil
}

// faultKinds lists the kinds of faults, those for AWS calls first.
func faultKinds() []string {
	return []string{
		"throttle", "latency", "5xx", "denied", "drop",
		"disabled-key", "key-state", "failing-update", "health", "apiserver-stopped", "apiserver-slow",
	}
}

// describe returns one line for each fault.
func describe(f admin.Faults) (lines []string) {
	for _, a := range f.AWS {
		line := "aws"
		for _, glob := range []string{a.Service, a.Operation, a.Region, a.Account, a.Cluster} {
			line += " " + cmp.Or(glob, "*")
		}
		var effects []string
		switch {
		case a.Status < 0:
			effects = append(effects, "connection closed")
		case a.Status > 0 || a.Code != "":
			effects = append(effects, strings.TrimSpace(strconv.Itoa(a.Status)+" "+a.Code))
		}
		if a.Latency > 0 {
			effects = append(effects, "delayed by "+a.Latency.String())
		}
		if a.Rate > 0 && a.Rate < 1 {
			effects = append(effects, fmt.Sprintf("%g of the calls", a.Rate))
		}
		if a.Times > 0 {
			effects = append(effects, fmt.Sprintf("%d more times", a.Times))
		}
		lines = append(lines, line+": "+strings.Join(effects, ", "))
	}
	c := f.Cluster
	for name, value := range map[string]string{
		"key state": c.KeyState, "associations fail": c.FailAssociation, "health issues": strings.Join(c.Health, ", "),
	} {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	if c.APIServer != "" && c.APIServer != admin.APIServerRunning {
		lines = append(lines, "API server: "+c.APIServer)
	}
	slices.Sort(lines)
	return lines
}
