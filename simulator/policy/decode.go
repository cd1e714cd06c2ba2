package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// decode reads the keys of a policy file. It is stricter than its decoders: they would take
// Market for market, and read on silently after the first of several documents.
func decode(name string, text []byte) (f file, err error) {
	wrong := func(key, next, format string, args ...any) error {
		return &Error{File: name, Key: key, Problem: fmt.Sprintf(format, args...), Next: next}
	}
	if severalDocuments(text) {
		return f, wrong("", "write each policy into a file of its own, and give them to --compare", "there are several documents in it")
	}
	data, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		problem := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "), "yaml: ")
		problem = strings.Join(strings.Fields(strings.TrimPrefix(problem, "unmarshal errors:")), " ")
		if strings.HasPrefix(problem, "json: unsupported value: ") {
			return f, wrong("", "write numbers without .nan and .inf", "%s is no number to count with", strings.TrimPrefix(problem, "json: unsupported value: "))
		}
		return f, wrong("", "write it as YAML: a key, a colon, a space and a value on each line", "%s", problem)
	}
	if err := knownKeys(wrong, "", data, reflect.TypeFor[file]()); err != nil {
		return f, err
	}
	var kind *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, &f); {
	case errors.As(err, &kind):
		return f, wrong(kind.Field, "write "+wanted(kind.Type), "%s is no value for it", kind.Value)
	case err != nil:
		return f, wrong("", "write it as YAML: a key, a colon, a space and a value on each line", "%v", err)
	}
	return f, nil
}

// severalDocuments reports whether something stands before a line that begins a document.
func severalDocuments(text []byte) bool {
	begun := false
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\ufeff"))) {
		bare := bytes.TrimSpace(line)
		switch {
		case begun && bytes.HasPrefix(line, []byte("---")) && (len(bare) == 3 || line[3] == ' '):
			return true
		case len(bare) > 0 && bare[0] != '#' && bare[0] != '%':
			begun = true
		}
	}
	return false
}

// knownKeys fails for a key that a part of the file does not have, written as it is.
func knownKeys(wrong func(key, next, format string, args ...any) error, part string, data []byte, of reflect.Type) error {
	var has map[string]json.RawMessage
	if json.Unmarshal(data, &has) != nil {
		if part != "" {
			part = strings.TrimSuffix(part, ".")
			return wrong(part, "write "+part+": {"+strings.Join(keysOf(of), ": ..., ")+": ...}", "it has no keys")
		}
		return wrong("", "the keys are "+strings.Join(keysOf(of), ", "), "it has no keys")
	}
	known := keysOf(of)
	for _, key := range slices.Sorted(maps.Keys(has)) {
		at := slices.Index(known, key)
		if at < 0 {
			where := ""
			if part != "" {
				where = " of " + strings.TrimSuffix(part, ".")
			}
			return wrong("", "the keys"+where+" are "+strings.Join(known, ", "), "there is no key %q", part+key)
		}
		if inner := of.Field(at).Type; inner.Kind() == reflect.Struct {
			if err := knownKeys(wrong, key+".", has[key], inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// keysOf are the keys of a part of the file, in the order of its fields.
func keysOf(of reflect.Type) (keys []string) {
	for i := range of.NumField() {
		keys = append(keys, of.Field(i).Tag.Get("json"))
	}
	return keys
}

// wanted says what a key takes.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Float64:
		return "a number, without quotes"
	case reflect.Uint64:
		return "a whole number from 0 to 18446744073709551615"
	case reflect.String:
		return "a word"
	}
	return "it as docs/simulator.md shows"
}
