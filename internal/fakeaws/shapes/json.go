package shapes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"
)

// LowerJSON writes v as ECS and CloudWatch Logs answer: the first letter of each
// member lowered, times as seconds since 1970.
func LowerJSON(v any) ([]byte, error) { return jsonForm{LowerFirst, epoch}.marshal(v) }

// PlainJSON writes v as SSM answers: members as they are, times as seconds since 1970.
func PlainJSON(v any) ([]byte, error) {
	return jsonForm{func(name string) string { return name }, epoch}.marshal(v)
}

// EventJSON writes v as the detail of an event: the first letter of each member
// lowered, times as text.
func EventJSON(v any) ([]byte, error) { return jsonForm{LowerFirst, rfc3339}.marshal(v) }

// LowerFirst is the naming rule of ECS and, but for exceptions, of EC2's answers.
func LowerFirst(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

func epoch(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1e3, 'f', -1, 64) }

func rfc3339(t time.Time) string { return `"` + t.UTC().Format("2006-01-02T15:04:05.000Z") + `"` }

// jsonForm is how members are called and times written.
type jsonForm struct {
	name func(string) string
	time func(time.Time) string
}

func (f jsonForm) marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := f.write(&b, reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (f jsonForm) write(b *bytes.Buffer, v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return f.write(b, v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			b.WriteString(f.time(t))
			return nil
		}
		return f.object(b, v)
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return f.list(b, v)
		}
	case reflect.Map:
		return f.dictionary(b, v)
	}
	if !v.IsValid() {
		b.WriteString("null")
		return nil
	}
	text, err := json.Marshal(v.Interface())
	if err != nil {
		return fmt.Errorf("shapes: %s has no form in JSON: %w", v.Type(), err)
	}
	b.Write(text)
	return nil
}

func (f jsonForm) object(b *bytes.Buffer, v reflect.Value) error {
	b.WriteByte('{')
	first := true
	for field, value := range members(v) {
		if !first {
			b.WriteByte(',')
		}
		first = false
		b.WriteString(strconv.Quote(f.name(field.Name)) + ":")
		if err := f.write(b, value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func (f jsonForm) list(b *bytes.Buffer, v reflect.Value) error {
	b.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := f.write(b, v.Index(i)); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}

// dictionary writes a map whose keys are data: they are not renamed.
func (f jsonForm) dictionary(b *bytes.Buffer, v reflect.Value) error {
	all := make(map[string]json.RawMessage, v.Len())
	for key, value := range v.Seq2() {
		var one bytes.Buffer
		if err := f.write(&one, value); err != nil {
			return err
		}
		all[key.String()] = one.Bytes()
	}
	text, err := json.Marshal(all)
	b.Write(text)
	return err
}

// members gives the fields of a struct of the SDK that are there, those of embedded
// structs in their place: no nil and no empty enumeration, none of the SDK's own.
func members(v reflect.Value) func(yield func(reflect.StructField, reflect.Value) bool) {
	return func(yield func(reflect.StructField, reflect.Value) bool) {
		for i := range v.NumField() {
			field, value := v.Type().Field(i), v.Field(i)
			if field.Anonymous && field.IsExported() && value.Kind() == reflect.Struct {
				for inner, value := range members(value) {
					if !yield(inner, value) {
						return
					}
				}
				continue
			}
			if !field.IsExported() || field.Name == "ResultMetadata" || absent(value) {
				continue
			}
			if !yield(field, value) {
				return
			}
		}
	}
}

func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}
