package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

const refersTo = "#/definitions/"

// writeSchemas writes a JSON Schema for each kind that the OpenAPI description of Kubernetes and
// the definitions of custom resources hold, named as kubeconform looks for them.
func writeSchemas(folder, spec string, resources []string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := writeBuiltIn(folder, spec); err != nil {
		return fmt.Errorf("%s: %w", spec, err)
	}
	for _, file := range resources {
		if err := writeCustom(folder, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

func writeBuiltIn(folder, spec string) error {
	text, err := os.ReadFile(spec)
	if err != nil {
		return err
	}
	var described struct {
		Definitions map[string]object `json:"definitions"`
	}
	if err := json.Unmarshal(text, &described); err != nil {
		return err
	}
	for _, definition := range described.Definitions {
		narrow(definition)
	}
	for name, definition := range described.Definitions {
		kinds, _ := definition["x-kubernetes-group-version-kind"].([]interface{})
		for _, each := range kinds {
			kind, _ := each.(object)
			used := object{}
			collect(definition, described.Definitions, used)
			used[name] = definition
			schema := object{"$ref": refersTo + name, "definitions": used}
			if err := write(folder, kind["kind"], kind["group"], kind["version"], schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// collect adds what node refers to, and what that refers to, to used.
func collect(node interface{}, all map[string]object, used object) {
	switch is := node.(type) {
	case object:
		if to, ok := is["$ref"].(string); ok {
			name := strings.TrimPrefix(to, refersTo)
			if _, known := used[name]; !known {
				used[name] = all[name]
				collect(all[name], all, used)
			}
		}
		for _, below := range is {
			collect(below, all, used)
		}
	case []interface{}:
		for _, below := range is {
			collect(below, all, used)
		}
	}
}

func writeCustom(folder, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var defined struct {
		Spec struct {
			Group string `json:"group"`
			Names struct {
				Kind string `json:"kind"`
			} `json:"names"`
			Versions []struct {
				Name   string `json:"name"`
				Schema struct {
					Whole object `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &defined); err != nil {
		return err
	}
	for _, version := range defined.Spec.Versions {
		whole := version.Schema.Whole
		narrow(whole)
		if err := write(folder, defined.Spec.Names.Kind, defined.Spec.Group, version.Name, whole); err != nil {
			return err
		}
	}
	return nil
}

// narrow lets objects have no properties but those that are told, and what Kubernetes calls
// int-or-string be both: so a misspelt name is an error.
func narrow(node interface{}) {
	switch is := node.(type) {
	case object:
		_, isMap := is["additionalProperties"]
		keeps, _ := is["x-kubernetes-preserve-unknown-fields"].(bool)
		// A property may itself be called "properties": then it holds no type.
		if told, ok := is["properties"].(object); ok && !isMap && !keeps {
			if _, nested := told["type"].(string); !nested {
				is["additionalProperties"] = false
			}
		}
		both, _ := is["x-kubernetes-int-or-string"].(bool)
		if format, _ := is["format"].(string); format == "int-or-string" || both {
			delete(is, "type")
			delete(is, "format")
			is["oneOf"] = []interface{}{object{"type": "string"}, object{"type": "integer"}}
			delete(is, "anyOf")
		}
		for _, below := range is {
			narrow(below)
		}
	case []interface{}:
		for _, below := range is {
			narrow(below)
		}
	}
}

// write names a schema as kubeconform's ResourceKind and KindSuffix: deployment-apps-v1.json.
func write(folder string, kind, group, version interface{}, schema object) error {
	suffix := fmt.Sprint(version)
	if first, _, _ := strings.Cut(fmt.Sprint(group), "."); first != "" {
		suffix = first + "-" + suffix
	}
	name := strings.ToLower(fmt.Sprintf("%v-%s.json", kind, suffix))
	text, err := json.Marshal(schema)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name), text, 0o644)
}
