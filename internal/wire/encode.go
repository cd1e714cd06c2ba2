package wire

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"sync"
)

// Marshal returns the JSON of v, a struct of the SDK or of ours, or anything made
// of structs, lists and string-keyed maps. It fails for what JSON does not have:
// NaN and infinities, functions, channels, maps with other keys.
func Marshal(v any) ([]byte, error) {
	room := rooms.Get().(*[]byte)
	defer rooms.Put(room)
	b, err := Append((*room)[:0], v)
	if err != nil {
		return nil, err
	}
	if cap(b) <= maxRoom {
		*room = b
	}
	return bytes.Clone(b), nil
}

// rooms are what Marshal writes into before it knows how much there is: to grow from nothing
// takes twice as much memory as the answer.
var rooms = sync.Pool{New: func() any { return new([]byte) }}

// maxRoom bounds what is kept of them, in bytes each.
const maxRoom = 64 << 10

// Append is Marshal into the free space of b. On an error it returns b as it was.
func Append(b []byte, v any) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	out, err := encoderOf(reflect.TypeOf(v))(b, reflect.ValueOf(v))
	if err != nil {
		return b, err
	}
	return out, nil
}

// encoder appends the JSON of a value of the type it was made for.
type encoder func(b []byte, v reflect.Value) ([]byte, error)

var encoders sync.Map // reflect.Type -> encoder

var (
	marshalerType       = reflect.TypeFor[json.Marshaler]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	// A type may contain itself: whoever meets it while its encoder is being made
	// gets this stand-in, which waits until it is.
	var (
		made sync.WaitGroup
		e    encoder
	)
	made.Add(1)
	standIn := encoder(func(b []byte, v reflect.Value) ([]byte, error) {
		made.Wait()
		return e(b, v)
	})
	if other, taken := encoders.LoadOrStore(t, standIn); taken {
		return other.(encoder)
	}
	e = newEncoder(t)
	made.Done()
	encoders.Store(t, e)
	return e
}

func newEncoder(t reflect.Type) encoder {
	if t.Implements(marshalerType) || t.Implements(textMarshalerType) {
		return encodeForeign
	}
	switch t.Kind() {
	case reflect.String:
		return func(b []byte, v reflect.Value) ([]byte, error) { return appendString(b, v.String()), nil }
	case reflect.Bool:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendBool(b, v.Bool()), nil }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendInt(b, v.Int(), 10), nil }
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return strconv.AppendUint(b, v.Uint(), 10), nil }
	case reflect.Float32:
		return func(b []byte, v reflect.Value) ([]byte, error) { return appendFloat(b, v.Float(), 32) }
	case reflect.Float64:
		return func(b []byte, v reflect.Value) ([]byte, error) { return appendFloat(b, v.Float(), 64) }
	case reflect.Pointer:
		return pointerEncoder(t)
	case reflect.Slice, reflect.Array:
		return listEncoder(t)
	case reflect.Map:
		return mapEncoder(t)
	case reflect.Struct:
		return structEncoder(t)
	case reflect.Interface:
		return encodeInterface
	}
	return func([]byte, reflect.Value) ([]byte, error) {
		return nil, fmt.Errorf("wire: JSON has no %s", t)
	}
}

// encodeForeign leaves a value to its own MarshalJSON or MarshalText.
func encodeForeign(b []byte, v reflect.Value) ([]byte, error) {
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, fmt.Errorf("wire: %w", err)
	}
	return append(b, text...), nil
}

func encodeInterface(b []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	return encoderOf(v.Elem().Type())(b, v.Elem())
}

func pointerEncoder(t reflect.Type) encoder {
	if t == reflect.TypeFor[*string]() {
		return func(b []byte, v reflect.Value) ([]byte, error) {
			if p := v.Interface().(*string); p != nil {
				return appendString(b, *p), nil
			}
			return append(b, "null"...), nil
		}
	}
	elem := encoderOf(t.Elem())
	return func(b []byte, v reflect.Value) ([]byte, error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		return elem(b, v.Elem())
	}
}

func listEncoder(t reflect.Type) encoder {
	if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
		return func(b []byte, v reflect.Value) ([]byte, error) {
			if v.IsNil() {
				return append(b, "null"...), nil
			}
			b = append(b, '"')
			b = base64.StdEncoding.AppendEncode(b, v.Bytes())
			return append(b, '"'), nil
		}
	}
	elem := encoderOf(t.Elem())
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		if v.Kind() == reflect.Slice && v.IsNil() {
			return append(b, "null"...), nil
		}
		b = append(b, '[')
		for i := range v.Len() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = elem(b, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	}
}

func mapEncoder(t reflect.Type) encoder {
	if t.Key().Kind() != reflect.String {
		return func([]byte, reflect.Value) ([]byte, error) {
			return nil, fmt.Errorf("wire: the keys of %s are no strings", t)
		}
	}
	if t == reflect.TypeFor[map[string]string]() {
		return func(b []byte, v reflect.Value) ([]byte, error) {
			return appendStrings(b, v.Interface().(map[string]string)), nil
		}
	}
	elem := encoderOf(t.Elem())
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		if v.IsNil() {
			return append(b, "null"...), nil
		}
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int {
			return compareStrings(x.String(), y.String())
		})
		b = append(b, '{')
		for i, key := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, key.String()), ':')
			if b, err = elem(b, v.MapIndex(key)); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
}

// appendStrings is the map encoder for tags and parameters, the common case.
func appendStrings(b []byte, m map[string]string) []byte {
	if m == nil {
		return append(b, "null"...)
	}
	var few [16]string // spares an allocation
	keys := few[:0]
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, key), ':')
		b = appendString(b, m[key])
	}
	return append(b, '}')
}

func compareStrings(x, y string) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func structEncoder(t reflect.Type) encoder {
	fields, err := fieldsOf(t)
	if err != nil {
		return func([]byte, reflect.Value) ([]byte, error) { return nil, err }
	}
	encode := make([]encoder, len(fields))
	for i := range fields {
		encode[i] = encoderOf(fields[i].typ)
	}
	return func(b []byte, v reflect.Value) (_ []byte, err error) {
		b = append(b, '{')
		first := true
		for i := range fields {
			f := &fields[i]
			value, ok := f.of(v)
			if !ok || f.omitted(value) {
				continue
			}
			if !first {
				b = append(b, ',')
			}
			first = false
			b = append(b, f.key...)
			if b, err = encode[i](b, value); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
}

func (f *field) omitted(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return v.IsNil()
	case reflect.Slice, reflect.Map:
		return v.IsNil() || f.omit == omitEmpty && v.Len() == 0
	case reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Array:
		return f.omit == omitZero && v.IsZero()
	}
	return f.omit != omitNil && v.IsZero()
}

// appendFloat writes a number as encoding/json and JavaScript do: as digits within
// sensible bounds, otherwise with an exponent.
func appendFloat(b []byte, x float64, bits int) ([]byte, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil, fmt.Errorf("wire: JSON has no number %v", x)
	}
	format := byte('f')
	if abs := math.Abs(x); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, x, format, -1, bits), nil
}
