package batch_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/packhorse-batch/packhorse/batch"
)

func TestSubstitute(t *testing.T) {
	params := map[string]string{"in": "s3://a/b", "input": "long", "n": "3", "a-b_c.d": "odd", "empty": "", "ref": "Ref::n"}
	for name, test := range map[string]struct {
		command, want []string
	}{
		"nothing to replace":                        {[]string{"echo", "x"}, []string{"echo", "x"}},
		"a whole argument":                          {[]string{"cat", "Ref::in"}, []string{"cat", "s3://a/b"}},
		"inside of an argument":                     {[]string{"--in=Ref::in,x"}, []string{"--in=s3://a/b,x"}},
		"several times":                             {[]string{"Ref::n/Ref::n", "Ref::in"}, []string{"3/3", "s3://a/b"}},
		"inside, the longest name that fits wins":   {[]string{"x/Ref::inputs"}, []string{"x/longs"}},
		"inside, a shorter name":                    {[]string{"Ref::inner/x"}, []string{"s3://a/bner/x"}},
		"names with other characters":               {[]string{"Ref::a-b_c.d"}, []string{"odd"}},
		"a name ends at what no name has":           {[]string{"Ref::n:x"}, []string{"3:x"}},
		"an empty value":                            {[]string{"[Ref::empty]"}, []string{"[]"}},
		"a value is not looked at again":            {[]string{"Ref::ref"}, []string{"Ref::n"}},
		"beside text that is not ASCII":             {[]string{"übRef::nü"}, []string{"üb3ü"}},
		"what looks like a reference but is not":    {[]string{"Ref:n", "ref::n"}, []string{"Ref:n", "ref::n"}},
		"an empty command":                          {[]string{}, []string{}},
		"one argument with, one without references": {[]string{"x", "Ref::n"}, []string{"x", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := slices.Clone(test.command)
			got, err := batch.Substitute(test.command, params)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Substitute(%q) = %q, %v; want %q", test.command, got, err, test.want)
			}
			if !slices.Equal(before, test.command) {
				t.Errorf("the command itself became %q", test.command)
			}
		})
	}
}

func TestSubstituteNamesTheReferenceThatNoParameterHas(t *testing.T) {
	for command, want := range map[string]string{
		"Ref::nobody": "Unable to substitute value. No parameter found for reference nobody",
		"x Ref::who":  "Unable to substitute value. No parameter found for reference who",
		"Ref::":       "Unable to substitute value. No parameter found for reference ",
		"Ref::/":      "Unable to substitute value. No parameter found for reference ",
	} {
		_, err := batch.Substitute([]string{command}, map[string]string{"n": "3"})
		if err == nil || err.Error() != want || batch.CodeOf(err) != batch.CodeInvalid {
			t.Errorf("Substitute(%q) = %v, want %q", command, err, want)
		}
	}
}

// Whatever clients send, Substitute answers, keeps the number of arguments and leaves
// text without references alone.
func TestSubstituteTakesAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.Just("Ref::"), rapid.Just("a"), rapid.Just("\xff"), rapid.String())
		command := make([]string, rapid.IntRange(0, 4).Draw(t, "arguments"))
		for i := range command {
			command[i] = strings.Join(rapid.SliceOfN(word, 0, 4).Draw(t, "words"), "")
		}
		got, err := batch.Substitute(command, map[string]string{"a": "1"})
		if err != nil {
			return
		}
		for i := range command {
			if !strings.Contains(command[i], "Ref::") && got[i] != command[i] {
				t.Fatalf("%q became %q", command[i], got[i])
			}
		}
		if len(got) != len(command) {
			t.Fatalf("%d arguments became %d", len(command), len(got))
		}
	})
}
