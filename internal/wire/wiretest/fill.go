// Package wiretest fills the structs of the wire with values, so that a test can
// send every member of every operation through an encoder, a client or a server
// without naming any of them.
package wiretest

import (
	"math/rand/v2"
	"reflect"
)

// texts are the strings that Fill draws from: what has to survive any encoding.
var texts = []string{
	"nightly", "a b", `say "hi"`, `back\slash`, "line\nbreak\ttab", "<a href='x'>&amp;</a>",
	"naïve 日本 🐎", "\u2028", "\x01", "{}", "null", "0.25", "arn:aws:batch:eu-west-1:123456789012:job-queue/a",
}

// Fill sets the exported fields of the struct that v points to, and those within,
// from r: about three of four, all of them when full is set. Lists and maps have up
// to 3 items, or exactly 2 when full. ResultMetadata stays as it is. The values
// have the right types and no meaning.
func Fill(r *rand.Rand, v any, full bool) {
	f := filler{r: r, full: full}
	f.fill(reflect.ValueOf(v).Elem(), 0)
}

// maxDepth ends the filling of types that contain themselves. The deepest input of
// AWS Batch takes 20 steps, pointers and lists included.
const maxDepth = 30

type filler struct {
	r    *rand.Rand
	full bool
}

func (f filler) skips() bool { return !f.full && f.r.IntN(4) == 0 }

func (f filler) length() int {
	if f.full {
		return 2
	}
	return f.r.IntN(4)
}

func (f filler) text() string { return texts[f.r.IntN(len(texts))] }

func (f filler) fill(v reflect.Value, depth int) {
	if depth > maxDepth {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() || field.Name == "ResultMetadata" || f.skips() {
				continue
			}
			f.fill(v.Field(i), depth+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		f.fill(v.Elem(), depth+1)
	case reflect.Slice:
		n := f.length()
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			f.fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range f.length() {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			f.fill(key, depth+1)
			f.fill(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case reflect.String:
		v.SetString(f.text())
	case reflect.Bool:
		v.SetBool(f.r.IntN(2) == 0)
	case reflect.Int32, reflect.Int64, reflect.Int:
		v.SetInt(int64(int32(f.r.Uint32())))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(f.r.IntN(1<<20)) / 64)
	}
}
