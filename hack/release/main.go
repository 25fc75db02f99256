// Command release makes what a release publishes: archives for every platform,
// their checksums, a bill of materials, and the krew manifest. The same sources
// give the same bytes, wherever they are built.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	version := flags.String("version", "", "the release, for instance v0.1.0")
	dir := flags.String("dir", "dist", "where the archives are")
	if len(args) == 0 {
		return fmt.Errorf("say what to do: dist, krew or verify")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "dist":
		return dist(ctx, *dir, *version)
	case "krew":
		return writeManifest(*dir, *version, manifestPath)
	case "verify":
		return verify(*dir, *version, manifestPath)
	}
	return fmt.Errorf("unknown task %q: dist, krew or verify", args[0])
}
