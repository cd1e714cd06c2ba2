package wire

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// field is one member of a struct: how it is called and where it lies.
type field struct {
	name  string // on the wire
	key   string // "name": with its quotes and colon, ready to be written
	index []int  // as for reflect.Value.FieldByIndex; longer than 1 for embedded structs
	typ   reflect.Type
	omit  omission
}

// omission says when a member is left out of the output.
type omission uint8

const (
	omitNil   omission = iota // nil, and the empty string: the SDK's enumerations
	omitEmpty                 // also zero numbers, false and empty lists and maps
	omitZero                  // the zero value of any type
)

// fieldsOf lists the members of a struct in the order of its fields, those of
// embedded structs in their place. As in Go, the outer of two members with one
// name counts; two at the same depth are an error.
func fieldsOf(t reflect.Type) ([]field, error) {
	var fields []field
	if err := collect(t, nil, map[reflect.Type]bool{}, &fields); err != nil {
		return nil, err
	}
	best := make(map[string]int, len(fields)) // name -> position in fields
	for i, f := range fields {
		j, seen := best[f.name]
		switch {
		case !seen || len(f.index) < len(fields[j].index):
			best[f.name] = i
		case len(f.index) == len(fields[j].index):
			return nil, fmt.Errorf("wire: %s has two members named %q; give one of them another name with a json tag", t, f.name)
		}
	}
	kept := fields[:0]
	for i, f := range fields {
		if best[f.name] == i {
			kept = append(kept, f)
		}
	}
	return kept, nil
}

func collect(t reflect.Type, index []int, inside map[reflect.Type]bool, fields *[]field) error {
	if inside[t] {
		return fmt.Errorf("wire: %s embeds itself", t)
	}
	inside[t] = true
	defer delete(inside, t)
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer && f.IsExported() {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				if err := collect(inner, at, inside, fields); err != nil {
					return err
				}
				continue
			}
		}
		if !f.IsExported() || tag == "-" || f.Name == "ResultMetadata" {
			continue
		}
		if name == "" {
			name = lowerFirst(f.Name)
		}
		omit := omitNil
		for option := range strings.SplitSeq(options, ",") {
			switch option {
			case "omitempty":
				omit = max(omit, omitEmpty)
			case "omitzero":
				omit = max(omit, omitZero)
			}
		}
		key := string(append(appendString(nil, name), ':'))
		*fields = append(*fields, field{name: name, key: key, index: at, typ: f.Type, omit: omit})
	}
	return nil
}

// lowerFirst is the naming rule of AWS Batch.
func lowerFirst(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

// of returns the field's value in a struct; false when it lies in an embedded
// struct whose pointer is nil.
func (f *field) of(v reflect.Value) (reflect.Value, bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// in is of for writing: it makes the embedded structs that are missing.
func (f *field) in(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}
