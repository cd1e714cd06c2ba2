package fakeaws

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// fields are the values that a thing has for a filter's name; ok is false for a name
// that EC2 does not know, or this fake does not.
type fields func(name string) (values []string, ok bool)

// hold reports whether a thing passes all filters: for each, one of its values is one
// of the thing's. * stands for any characters, ? for any one.
func hold(filters []types.Filter, of fields) (bool, error) {
	for _, f := range filters {
		has, ok := of(value(f.Name))
		if !ok {
			return false, refuse("InvalidParameterValue", "The filter '%s' is invalid", value(f.Name))
		}
		if !slices.ContainsFunc(f.Values, func(pattern string) bool {
			return slices.ContainsFunc(has, func(v string) bool { return glob(pattern, v) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// filtered keeps what passes, and refuses unknown filters also when there is nothing.
func filtered[T any](all []T, filters []types.Filter, of func(T) fields) ([]T, error) {
	var zero T
	for _, f := range filters {
		if _, ok := of(zero)(value(f.Name)); !ok {
			return nil, refuse("InvalidParameterValue", "The filter '%s' is invalid", value(f.Name))
		}
	}
	var kept []T
	for _, one := range all {
		ok, err := hold(filters, of(one))
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, one)
		}
	}
	return kept, nil
}

// tagFields answers for "tag:KEY" and "tag-key".
func tagFields(tags []types.Tag, name string) (values []string, ok bool) {
	key, byKey := strings.CutPrefix(name, "tag:")
	for _, t := range tags {
		switch {
		case byKey && value(t.Key) == key:
			values = append(values, value(t.Value))
		case name == "tag-key":
			values = append(values, value(t.Key))
		}
	}
	return values, byKey || name == "tag-key"
}

func one(v string) ([]string, bool) { return []string{v}, true }

func yes(v bool) ([]string, bool) { return one(strconv.FormatBool(v)) }

// glob reports whether value matches pattern, in which * stands for any characters
// and ? for any one.
func glob(pattern, value string) bool {
	head, tail, star := strings.Cut(pattern, "*")
	if len(value) < len(head) || !star && len(value) != len(head) {
		return false
	}
	for i := range len(head) {
		if head[i] != '?' && head[i] != value[i] {
			return false
		}
	}
	if !star {
		return true
	}
	for from := len(head); from <= len(value); from++ {
		if glob(tail, value[from:]) {
			return true
		}
	}
	return false
}
