package triggers

import (
	"fmt"
	"slices"
	"strings"
)

// kinds are the kinds of event by family: those of S3 (user guide, "Supported event
// types for SQS, SNS, and Lambda") and those that MinIO adds to them (its bucket
// notification guide). A family without members is a kind itself.
var kinds = map[string][]string{
	"ObjectCreated":               {"Put", "Post", "Copy", "CompleteMultipartUpload", "PutRetention", "PutLegalHold"},
	"ObjectRemoved":               {"Delete", "DeleteMarkerCreated"},
	"ObjectRestore":               {"Post", "Completed", "Delete"},
	"ObjectTagging":               {"Put", "Delete"},
	"ObjectAcl":                   {"Put"},
	"ObjectAccessed":              {"Get", "Head", "GetRetention", "GetLegalHold"},
	"LifecycleExpiration":         {"Delete", "DeleteMarkerCreated"},
	"LifecycleTransition":         nil,
	"IntelligentTiering":          nil,
	"ReducedRedundancyLostObject": nil,
	"Replication": {
		"OperationFailedReplication", "OperationNotTracked", "OperationMissedThreshold", "OperationReplicatedAfterThreshold",
		"OperationCompletedReplication",
	},
}

// anyCreated is the kind of event that counts unless a rule says otherwise.
const anyCreated = "s3:ObjectCreated:*"

// checkKinds returns the kinds that a rule asks for, each once and with its "s3:",
// which messages leave out.
func checkKinds(asked []string) ([]string, error) {
	if len(asked) == 0 {
		return []string{anyCreated}, nil
	}
	var out []string
	for i, kind := range asked {
		full := "s3:" + strings.TrimPrefix(kind, "s3:")
		family, name, found := split(full)
		names, known := kinds[family]
		switch {
		case !known:
			return nil, refuse(fmt.Sprintf("events[%d]: %q is no kind of event that S3 has", i, kind),
				"use one such as "+anyCreated+"; the families are "+strings.Join(families(), ", "))
		case names == nil && found:
			return nil, refuse(fmt.Sprintf("events[%d]: the family of %q has no members", i, kind), "use s3:"+family)
		case names != nil && name != "*" && !slices.Contains(names, name):
			return nil, refuse(fmt.Sprintf("events[%d]: %q is no kind of event that S3 has", i, kind),
				fmt.Sprintf("use s3:%s:* for all of the family, or one of its members: %s", family, strings.Join(names, ", ")))
		}
		if !slices.Contains(out, full) {
			out = append(out, full)
		}
	}
	return out, nil
}

func families() []string {
	var names []string
	for family := range kinds {
		names = append(names, family)
	}
	slices.Sort(names)
	return names
}

// split takes "s3:ObjectCreated:Put" apart.
func split(kind string) (family, name string, found bool) {
	return strings.Cut(strings.TrimPrefix(kind, "s3:"), ":")
}

// familyOf returns "ObjectCreated" of "s3:ObjectCreated:Put".
func familyOf(kind string) string {
	family, _, _ := split(kind)
	return family
}

// wanted reports whether a kind is among those that a rule asks for.
func wanted(asked []string, kind string) bool {
	return slices.ContainsFunc(asked, func(a string) bool {
		family, all := strings.CutSuffix(a, ":*")
		return a == kind || all && family == "s3:"+familyOf(kind)
	})
}
