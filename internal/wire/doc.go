// Package wire reads and writes the JSON of the AWS Batch wire, with the Go SDK's
// own structs as the schema.
//
// The protocol is REST-JSON 1, and the naming rule of AWS Batch is one line: a
// member is called as its Go field, with the first letter lowered (MaxvCpus is
// "maxvCpus"). There is no other rule and no exception in the model, so nothing is
// generated: a plan is made from each type by reflection, once, and kept.
//
// [Marshal] omits what is not there: nil pointers, slices and maps, and the empty
// string of an enumeration. What is there but empty is written, because clients
// compare: `"environment":[]` stays. Keys of maps are sorted, so equal values have
// equal bytes. "ResultMetadata", which every SDK output has, is no part of the wire.
//
// [Unmarshal] is strict about what it reads and lenient about what it does not
// know: unknown members are skipped, member names match in any case, null means
// absent. Everything else that does not fit is an *[Error] that names the member.
//
// Types of our own work too: `json:"name,omitempty"` tags are honoured (name, "-",
// omitempty, omitzero), an embedded struct's members stand beside the outer ones as
// in encoding/json, and a type with its own MarshalJSON keeps it. Records of the
// store are written with this package, and an answer that says more than the SDK's
// output embeds it:
//
//	type jobDetail struct {
//		types.JobDetail
//		Cost *float64 // "cost", which SDKs skip
//	}
package wire
