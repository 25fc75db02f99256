package cmdutil

import (
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// program is how users call this tool.
const program = "kubectl eks-encrypt"

// notRepeated returns the flags of every command that a printed command leaves out, each with the reason. It repeats
// all others that were set: they select the cluster, the connection or the principal.
func notRepeated() map[string]string {
	const presentation = "changes only what is printed"
	return map[string]string{
		"context": "the binding names it", "cluster-name": "the binding names the ARN", "region": "part of the ARN",
		"namespace": "selects objects, not the cluster",
		"color":     presentation, "v": presentation, "output": presentation, "template": presentation,
		"allow-missing-template-keys": presentation, "help": presentation,
	}
}

// secret reports whether the flag holds a secret, which is never printed.
func secret(flag *pflag.Flag) bool {
	return flag.Name == "token" || flag.Name == "password" || sanitize.URLs(flag.Value.String()) != flag.Value.String()
}

// Command returns a command line of this tool for the bound cluster: it names the context and the ARN, and repeats
// every flag that selects the cluster, the connection or the principal. If another cluster has taken that name, the
// guard refuses the command. words must not contain --yes if the command may begin an association.
func (f *Factory) Command(b *binding.Binding, words ...string) string {
	return CommandLine(words...) + f.Selection(b)
}

// CommandLine returns a command line of this tool for no cluster in particular.
func CommandLine(words ...string) string {
	line := program
	for _, word := range words {
		line += " " + sanitize.Word(word)
	}
	return line
}

// Selection returns the flags that select the bound cluster, each after a space.
func (f *Factory) Selection(b *binding.Binding) string {
	line := ""
	add := func(name, value string) {
		if value != "" {
			line += " --" + name + " " + sanitize.Word(value)
		}
	}
	add("context", b.Context)
	if b.ARN != "" {
		add("cluster-name", b.ARN)
	} else {
		add("cluster-name", b.Name)
		add("region", b.Region)
	}
	skip := notRepeated()
	f.visitChanged(func(flag *pflag.Flag) {
		_, skipped := skip[flag.Name]
		list, isList := flag.Value.(pflag.SliceValue)
		switch {
		case skipped || secret(flag):
		case isList:
			for _, value := range list.GetSlice() {
				add(flag.Name, value)
			}
		case flag.NoOptDefVal != "":
			line += " --" + flag.Name + "=" + sanitize.Word(flag.Value.String())
		default:
			add(flag.Name, flag.Value.String())
		}
	})
	return line
}

// Secrets names the flags with secrets that a printed command leaves out, in words to follow it; "" if there are none.
func (f *Factory) Secrets() string {
	var names []string
	f.visitChanged(func(flag *pflag.Flag) {
		if _, skipped := notRepeated()[flag.Name]; !skipped && secret(flag) {
			names = append(names, "--"+flag.Name)
		}
	})
	if len(names) == 0 {
		return ""
	}
	return " (also pass the same " + strings.Join(names, ", ") + ", which is secret and not shown)"
}

func (f *Factory) visitChanged(visit func(*pflag.Flag)) {
	if f.flags == nil {
		return
	}
	f.flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Changed {
			visit(flag)
		}
	})
}

// Qualify adds the flags of the bound cluster to the commands of this tool that a text mentions, unless they have them.
func (f *Factory) Qualify(text string) string {
	if f.bound == nil {
		return text
	}
	selection := f.Selection(f.bound)
	if selection == "" || strings.Contains(text, selection) {
		return text
	}
	mentioned := regexp.MustCompile(program +
		` (status|keys( create| describe)?|associate|verify|rewrite|generate [a-z-]+)`)
	qualified := mentioned.ReplaceAllStringFunc(text, func(command string) string { return command + selection })
	if qualified == text {
		return text
	}
	return qualified + f.Secrets()
}

// QualifyPlan adds the flags of the bound cluster to the commands that a plan mentions.
func (f *Factory) QualifyPlan(p *v1alpha1.AssociationPlan) {
	for i := range p.Checks {
		p.Checks[i].Remedy = f.Qualify(p.Checks[i].Remedy)
	}
	p.Drift.Remedy, p.Drift.Consequence = f.Qualify(p.Drift.Remedy), f.Qualify(p.Drift.Consequence)
}

// QualifyHint adds the flags of the bound cluster to the hint of an error.
func (f *Factory) QualifyHint(err error) error {
	before := hint.Of(err)
	if after := f.Qualify(before); after != before {
		return hint.Wrap(err, "%s", after)
	}
	return err
}
