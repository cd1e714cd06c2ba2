package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/packhorse-batch/packhorse/internal/wire"
)

// The forms in which a command can answer.
const (
	asText  = "text"  // for people, of one thing
	asTable = "table" // for people, of many
	asWide  = "wide"  // a table with more columns
	asJSON  = "json"  // as the AWS CLI prints it
	asID    = "id"    // ids or names only, one a line
)

// outputFlag is -o, with the forms that a command has. The first is the default.
type outputFlag struct {
	form  string
	forms []string
	quiet bool // -q, where a command has it: short for -o id
}

func (o *outputFlag) add(cmd *cobra.Command, forms ...string) {
	o.forms = forms
	cmd.Flags().StringVarP(&o.form, "output", "o", forms[0], "form of the answer: "+strings.Join(forms, ", "))
	if slices.Contains(forms, asID) {
		cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "print ids only (the same as -o id)")
	}
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp))
}

// choose returns the form that was asked for.
func (o *outputFlag) choose() (string, error) {
	if o.quiet {
		return asID, nil
	}
	if !slices.Contains(o.forms, o.form) {
		return "", usage("--output %s is not one of %s", quote(o.form), strings.Join(o.forms, ", "))
	}
	return o.form, nil
}

// printJSON writes v as the AWS CLI does: members named as on the wire, indented by
// four spaces, and nothing escaped that need not be.
func printJSON(w io.Writer, v any) error {
	text, err := wire.Marshal(v)
	if err != nil {
		return fmt.Errorf("write the answer as JSON: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "    "); err != nil {
		return fmt.Errorf("write the answer as JSON: %w", err)
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// orEmpty makes a nil list an empty one, so that it is printed as [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
