// Command check does for the chart what `helm lint`, `helm template` and `kubeconform` do, with
// their own packages. It leaves out what speaks with a cluster, which is most of Helm's build.
//
//	check lint CHART [VALUES…]              exits 1 if Helm's linter has an error or a warning
//	check template CHART RELEASE [VALUES…]  prints what would be installed, hooks included
//	check schemas FOLDER SPEC [CRD…]        writes strict JSON Schemas of all objects
//	check validate FOLDER <MANIFESTS        exits 1 if an object does not fit its schema
package main

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"

	"github.com/yannh/kubeconform/pkg/validator"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

const namespace = "mail"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("usage: check lint|template|schemas|validate …; see main.go")
	}
	switch args[0] {
	case "lint":
		return linted(args[1], args[2:])
	case "template":
		if len(args) < 3 {
			return fmt.Errorf("usage: check template CHART RELEASE [VALUES…]")
		}
		return rendered(args[1], args[2], args[3:])
	case "schemas":
		if len(args) < 3 {
			return fmt.Errorf("usage: check schemas FOLDER SPEC [CRD…]")
		}
		return writeSchemas(args[1], args[2], args[3:])
	case "validate":
		return validated(args[1], os.Stdin)
	}
	return fmt.Errorf("check can't %s", args[0])
}

// read merges the files of values, the later over the earlier.
func read(files []string) (map[string]interface{}, error) {
	merged := map[string]interface{}{}
	for _, file := range files {
		values, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		merged = chartutil.MergeTables(values, merged)
	}
	return merged, nil
}

func linted(chart string, files []string) error {
	values, err := read(files)
	if err != nil {
		return err
	}
	found := lint.All(chart, values, namespace, true)
	bad := 0
	for _, message := range found.Messages {
		fmt.Println(message)
		if message.Severity >= support.WarningSev {
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d errors and warnings", bad)
	}
	return nil
}

func rendered(chart, release string, files []string) error {
	values, err := read(files)
	if err != nil {
		return err
	}
	loaded, err := loader.Load(chart)
	if err != nil {
		return err
	}
	options := chartutil.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}
	// Here the values are held against values.schema.json, as when installing.
	given, err := chartutil.ToRenderValues(loaded, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return err
	}
	files2text, err := engine.Render(loaded, given)
	if err != nil {
		return err
	}
	names := make([]string, 0, len(files2text))
	for name := range files2text {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		text := strings.TrimSpace(files2text[name])
		if text != "" && !strings.HasPrefix(name[strings.LastIndex(name, "/")+1:], "_") {
			if strings.HasSuffix(name, ".txt") { // the notes are no object
				text = "# " + strings.ReplaceAll(text, "\n", "\n# ")
			}
			fmt.Printf("---\n# Source: %s\n%s\n", name, text)
		}
	}
	return nil
}

func validated(folder string, manifests io.ReadCloser) error {
	place := folder + "/{{.ResourceKind}}{{.KindSuffix}}.json"
	check, err := validator.New([]string{place}, validator.Opts{Strict: true})
	if err != nil {
		return err
	}
	good, bad := 0, 0
	for _, result := range check.Validate("manifests", manifests) {
		if result.Status == validator.Empty {
			continue
		}
		signature, err := result.Resource.Signature()
		if result.Status == validator.Valid {
			good++
			continue
		}
		bad++
		if err == nil {
			fmt.Printf("%s: ", signature.QualifiedName())
		}
		fmt.Println(result.Err)
	}
	fmt.Printf("%d objects fit their schemas, %d don't\n", good, bad)
	if bad > 0 || good == 0 {
		return fmt.Errorf("not all objects fit")
	}
	return nil
}
