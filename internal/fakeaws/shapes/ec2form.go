package shapes

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// maxListed bounds how many elements of a list in a form are read.
const maxListed = 10_000

// Form reads the parameters of an EC2 call, Name.1.Member=value, into v, a pointer
// to an input. Parameters that v does not have are ignored. An error names the
// parameter.
func Form(values url.Values, v any) error {
	f := form{values: values, prefixes: map[string]bool{}}
	for key := range values {
		for i := range len(key) {
			if key[i] == '.' {
				f.prefixes[key[:i]] = true
			}
		}
	}
	return f.structure("", reflect.ValueOf(v).Elem())
}

type form struct {
	values   url.Values
	prefixes map[string]bool // of the keys, up to each dot
}

// has reports whether there is a parameter of that name, or below it.
func (f form) has(name string) bool { return f.values.Has(name) || f.prefixes[name] }

func (f form) structure(prefix string, v reflect.Value) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() || field.Name == "ResultMetadata" {
			continue
		}
		name, ok := formNames[v.Type().Name()+"."+field.Name]
		if !ok {
			name = field.Name
		}
		if name = prefix + name; !f.has(name) {
			continue
		}
		if err := f.read(name, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func (f form) read(name string, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return f.read(name, v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return f.list(name, v)
		}
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[time.Time]() {
			return f.structure(name+".", v)
		}
	}
	text := f.values.Get(name)
	if err := set(v, text); err != nil {
		return fmt.Errorf("value %q of parameter %s: %w", text, name, err)
	}
	return nil
}

func (f form) list(name string, v reflect.Value) error {
	for i := 1; i <= maxListed; i++ {
		at := name + "." + strconv.Itoa(i)
		if !f.has(at) {
			break
		}
		one := reflect.New(v.Type().Elem()).Elem()
		if err := f.read(at, one); err != nil {
			return err
		}
		v.Set(reflect.Append(v, one))
	}
	return nil
}

// set gives v, which is no list and no structure of EC2, the value of a text.
func set(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		b, err := strconv.ParseBool(strings.ToLower(text))
		v.SetBool(b)
		return err
	case reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		v.SetFloat(x)
		return err
	case reflect.Slice:
		b, err := base64.StdEncoding.DecodeString(text)
		v.SetBytes(b)
		return err
	case reflect.Struct:
		t, err := time.Parse(time.RFC3339, text)
		v.Set(reflect.ValueOf(t))
		return err
	}
	return fmt.Errorf("a %s has no form in a query", v.Type())
}
