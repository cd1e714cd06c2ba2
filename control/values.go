package control

import (
	"slices"
	"strings"

	"github.com/packhorse-batch/packhorse/batch"
)

// oneOf returns the value among valid that is meant, in whatever case it is
// written: AWS Batch takes enumerations in any case and shows them in its own. The
// lists are ours and not the SDK's, which does not know the newest values.
func oneOf[T ~string](field string, value T, valid ...T) (T, error) {
	i := slices.IndexFunc(valid, func(v T) bool { return strings.EqualFold(string(v), string(value)) })
	if i >= 0 {
		return valid[i], nil
	}
	names := make([]string, len(valid))
	for i, v := range valid {
		names[i] = string(v)
	}
	return value, batch.Invalid("%s %s is not valid. Valid values are: [%s]", field, value, strings.Join(names, ", "))
}

// refuse is an error about the request with a next step.
func refuse(message, next string) error {
	return &batch.Error{Code: batch.CodeInvalid, Message: message, Next: next}
}

// unsupported is the error for what AWS Batch has and Packhorse does not, yet.
func unsupported(what, next string) error {
	return refuse(what+" is not supported by Packhorse yet.", next)
}

// nonNil returns m, or an empty map for nil: AWS Batch shows tags and parameters
// also when there are none.
func nonNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
