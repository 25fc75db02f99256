package audit

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/attest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// maxReport is the maximum size of a report. About 100,000 clusters need it.
const maxReport = 512 << 20

// stdin is the name of the standard input among the reports.
const stdin = "-"

// fromOptions select earlier reports. Their facts are used instead of queries.
type fromOptions struct {
	from    []string
	reports []*v1alpha1.AuditReport
	sources []v1alpha1.AuditSource // of the reports, in their order
	notes   []string               // for the report
}

func (f *fromOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.from, "from", nil,
		"Judge and render this earlier report (-o json or yaml) instead of querying clusters: a file, a pattern, or - for "+
			"stdin; several, also as arguments, are merged")
}

// args is a cobra.PositionalArgs. It accepts reports as arguments if --from is set, because a shell expands
// --from *.json to one flag value and arguments.
func (f *fromOptions) args(cmd *cobra.Command, args []string) error {
	if len(args) > 0 && !cmd.Flags().Changed("from") {
		return cmdutil.NoArgs(cmd, args)
	}
	return nil
}

// scopeFlags select what is queried, and how.
func scopeFlags() []string {
	return append([]string{
		"all-contexts", "all-clusters", "regions", "exclude-regions", "accounts", "organization", "ou", "exclude-accounts",
		"role-name", "external-id", "shard", "tag", "verify-data", "sample", "max-concurrency", "timeout", "resume", "import",
	}, cmdutil.ConnectionFlags()...)
}

// validate checks that nothing else selects clusters.
func (f *fromOptions) validate(changed func(flag string) bool, args []string) error {
	f.from = append(f.from, args...)
	if len(f.from) == 0 {
		return nil
	}
	for _, flag := range scopeFlags() {
		if changed(flag) {
			return cmdutil.UsageErrorf("--from and --%s exclude each other: with --from, no cluster is queried", flag)
		}
	}
	if slices.Contains(f.from, "") {
		return cmdutil.UsageErrorf("--from needs the name of a file, or -")
	}
	var err error
	if f.from, err = expand(f.from); err != nil {
		return cmdutil.UsageErrorf("--from %w", err)
	}
	if i := slices.Index(f.from, stdin); i >= 0 && slices.Contains(f.from[i+1:], stdin) {
		return cmdutil.UsageErrorf("--from - reads the standard input, which is possible only once")
	}
	return nil
}

// expand replaces each pattern by the files that match: a container may have no shell that does this. A path that
// exists is not a pattern.
func expand(paths []string) ([]string, error) {
	var all []string
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil || !strings.ContainsAny(path, "*?[") {
			all = append(all, path)
			continue
		}
		found, err := filepath.Glob(path)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case len(found) == 0:
			return nil, fmt.Errorf("%s: no file matches", path)
		}
		all = append(all, found...)
	}
	return all, nil
}

// checkOutput returns an error if a file to write is one of the reports: they are the evidence for the result.
func (f *fromOptions) checkOutput(files reportFiles) error {
	for _, file := range files {
		for _, source := range f.sources {
			if a, err := os.Stat(source.Path); err == nil {
				if b, err := os.Stat(file.path); err == nil && os.SameFile(a, b) {
					return cmdutil.UsageErrorf("--output-file: %s would replace a report of --from", file.path)
				}
			}
		}
	}
	return nil
}

// read reads the reports. One that is given twice counts once.
func (f *fromOptions) read(in io.Reader, warn io.Writer, now time.Time) error {
	for _, path := range f.from {
		text, err := readReport(path, in)
		var source v1alpha1.AuditSource
		if err == nil {
			source, err = f.add(path, text, now)
		}
		if err != nil {
			return cmdutil.UsageErrorf("--from %s: %w", path, err)
		}
		same := func(s v1alpha1.AuditSource) bool { return s.SHA256 == source.SHA256 }
		if i := slices.IndexFunc(f.sources, same); i < len(f.sources)-1 {
			fmt.Fprintf(warn, "note: %s is the same report as %s, and counts once\n", path, f.sources[i].Path)
			f.sources, f.reports = f.sources[:len(f.sources)-1], f.reports[:len(f.reports)-1]
		}
	}
	return nil
}

// readReport reads a file, or, if in is not nil and the path is "-", the standard input.
func readReport(path string, in io.Reader) ([]byte, error) {
	if path != stdin || in == nil {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close() //nolint:errcheck // it is only read
		if info, err := file.Stat(); err == nil && info.IsDir() {
			return nil, errors.New("it is a directory: name the reports in it")
		}
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	if err == nil && len(text) > maxReport {
		err = fmt.Errorf("it is larger than %d MiB", maxReport>>20)
	}
	return text, err
}

// parseReport parses a report whose facts this audit takes over, so it must not contradict itself. It also returns the
// fields that this version does not know.
func parseReport(text []byte) (r *v1alpha1.AuditReport, unknown []string, err error) {
	r, unknown, err = fleet.ParseReportStrict(text)
	if err != nil {
		return nil, nil, fmt.Errorf("not a report of audit -o json or yaml: %w", err)
	}
	if err := attest.CheckConsistency(r); err != nil {
		return nil, nil, fmt.Errorf("the report was cut off or edited: %w", err)
	}
	return r, unknown, nil
}

// noteUnknown adds a note on the fields of a report that this version does not know.
func (f *fromOptions) noteUnknown(path string, unknown []string) {
	if len(unknown) > 0 {
		f.notes = append(f.notes, fmt.Sprintf("%s has fields that this version does not know, and that were left out: %s",
			path, strings.Join(unknown[:min(len(unknown), 5)], ", ")))
	}
}

// add adds a report.
func (f *fromOptions) add(path string, text []byte, now time.Time) (v1alpha1.AuditSource, error) {
	r, unknown, err := parseReport(text)
	switch {
	case err != nil:
		return v1alpha1.AuditSource{}, err
	case r.FinishedAt == nil:
		return v1alpha1.AuditSource{}, errors.New("the report has no finishedAt, so the time of its facts is unknown")
	}
	f.noteUnknown(path, unknown)
	if r.FinishedAt.After(now.Add(time.Minute)) {
		f.notes = append(f.notes, fmt.Sprintf("%s ended in the future, at %s: the clock of one of the machines is wrong",
			path, r.FinishedAt.UTC().Format(time.RFC3339)))
	}
	source := v1alpha1.AuditSource{
		Path: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(text)), StartedAt: r.StartedAt, FinishedAt: r.FinishedAt,
		Tool: r.Tool, Caller: r.Caller, Shard: r.Scope.Shard, Sources: r.Sources,
	}
	f.reports, f.sources = append(f.reports, r), append(f.sources, source)
	return source, nil
}

// verified reports whether the existing data of a cluster was to be verified.
func (f *fromOptions) verified() bool {
	return slices.ContainsFunc(f.reports, func(r *v1alpha1.AuditReport) bool {
		return len(r.Coverage) > 0 || slices.Contains(r.Scope.Controls, "ENC-5")
	})
}

// gatherFromReports returns the facts of the reports, of the clusters that the filter selects.
func (o *options) gatherFromReports() (*fleet.Answers, v1alpha1.AuditScope) {
	recorded := fleet.Merge(o.reports...)
	recorded.Select(o.filter)
	recorded.Answers.Sources = o.sources
	recorded.Answers.Notes = append(recorded.Answers.Notes, o.notes...)
	o.provenance = recorded.Provenance
	o.provenance.Tool = o.factory.Provenance(nil, nil, nil).Tool
	return &recorded.Answers, recorded.Scope
}
