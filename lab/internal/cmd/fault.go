package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
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
Kinds for the API servers, limited by --server:
  lag                the server keeps the old write key through an association: it does
                     not know the new one, or with --readable only reads with it;
                     without this fault, it catches up
  apiserver-stopped  the server is killed and not restarted
  apiserver-slow     the server is paused for the share --rate of the time`,
		Args: cobra.ExactArgs(1), ValidArgs: faultKinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, config, err := g.lab()
			if err != nil {
				return err
			}
			client := admin.NewClient(config)
			faults, err := client.Faults(cmd.Context())
			if err != nil {
				return err
			}
			if err := f.addTo(&faults, args[0], config.Servers); err != nil {
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
	server               string
	readable             bool
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
	flags.StringVar(&f.server, "server", "all", "Number of the API server (see: eks-lab servers), or all")
	flags.BoolVar(&f.readable, "readable", false, "For lag: the server can read with the new key")
}

// addTo adds a fault of the given kind to faults of a lab with this number of API servers.
func (f *faultFlags) addTo(faults *admin.Faults, kind string, servers int) error {
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
	case "lag", "apiserver-stopped", "apiserver-slow":
		return f.addToServers(cluster, kind, servers)
	default:
		return fmt.Errorf("unknown kind %q of fault; the kinds are %s", kind, strings.Join(faultKinds(), ", "))
	}
	if slices.Contains(faultKinds()[:5], kind) {
		faults.AWS = append(faults.AWS, fault)
	}
	return nil
}
