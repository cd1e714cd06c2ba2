package wire

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// Unmarshal reads the JSON object in data into the struct that v points to. A text
// of nothing but white space is the empty object: SDKs send none for operations
// without members.
//
// It returns an *[Error] for a text that is not JSON or not UTF-8, has more behind
// its end, nests too deep, has a list that is too long, names a member twice, or
// gives a member a value of the wrong type or outside its range. v then holds what
// was read before. Strings are copied: data may be used again.
func Unmarshal(data []byte, v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return errors.New("wire: Unmarshal needs a pointer that is not nil")
	}
	s := &scanner{data: data}
	if s.peek() == 0 && s.pos == len(data) {
		return nil
	}
	if err := decoderOf(target.Type().Elem())(s, target.Elem()); err != nil {
		return err
	}
	return s.ended()
}

// decoder reads a value of the type it was made for. The value can be set.
type decoder func(s *scanner, v reflect.Value) error

var decoders sync.Map // reflect.Type -> decoder

func decoderOf(t reflect.Type) decoder {
	if d, ok := decoders.Load(t); ok {
		return d.(decoder)
	}
	var (
		made sync.WaitGroup
		d    decoder
	)
	made.Add(1)
	standIn := decoder(func(s *scanner, v reflect.Value) error {
		made.Wait()
		return d(s, v)
	})
	if other, taken := decoders.LoadOrStore(t, standIn); taken {
		return other.(decoder)
	}
	d = newDecoder(t)
	made.Done()
	decoders.Store(t, d)
	return d
}

func newDecoder(t reflect.Type) decoder {
	if p := reflect.PointerTo(t); p.Implements(unmarshalerType) || p.Implements(textUnmarshalerType) || t.Kind() == reflect.Interface {
		return decodeForeign
	}
	switch t.Kind() {
	case reflect.String:
		return func(s *scanner, v reflect.Value) error {
			text, ok, err := readString(s)
			if ok {
				v.SetString(string(text))
			}
			return err
		}
	case reflect.Bool:
		return decodeBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return decodeInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return decodeUint
	case reflect.Float32, reflect.Float64:
		return decodeFloat
	case reflect.Pointer:
		return pointerDecoder(t)
	case reflect.Slice:
		return listDecoder(t)
	case reflect.Map:
		return mapDecoder(t)
	case reflect.Struct:
		return structDecoder(t)
	}
	return func(*scanner, reflect.Value) error {
		return fmt.Errorf("wire: cannot read JSON into a %s", t)
	}
}

// mismatch is the error for a value of the wrong type, which the scanner is at.
func (s *scanner) mismatch(want, awsWant string) error {
	k, at := s.kind(), s.pos
	if err := s.skip(); err != nil {
		return err // it is no JSON at all
	}
	text := strings.TrimSpace(string(s.data[at:min(s.pos, at+40)]))
	if s.pos > at+40 {
		text = strings.ToValidUTF8(text, "") + "..."
	}
	e := &Error{Offset: at}
	switch k {
	case kindString:
		e.AWS, e.Problem = "STRING_VALUE can not be converted to "+awsWant, "the string "+text
	case kindNumber:
		e.AWS, e.Problem = "NUMBER_VALUE can not be converted to "+awsWant, "the number "+text
	case kindTrue:
		e.AWS, e.Problem = "TRUE_VALUE can not be converted to "+awsWant, text
	case kindFalse:
		e.AWS, e.Problem = "FALSE_VALUE can not be converted to "+awsWant, text
	case kindNull:
		e.AWS, e.Problem = "NULL_VALUE can not be converted to "+awsWant, text
	case kindList:
		e.AWS, e.Problem = "Start of list found where not expected", "a list"
	case kindObject:
		e.AWS, e.Problem = "Start of structure or map found where not expected", "an object"
	}
	e.Problem = "must be " + want + ", not " + e.Problem
	return e
}

// absent reads a null, which stands for a member that is not there.
func (s *scanner) absent() error { return s.word("null") }

// begins reports whether the value that the scanner is at is of kind k. A null, which is
// read, is not, and anything else is an error.
func (s *scanner) begins(k kind, want, awsWant string) (bool, error) {
	switch s.kind() {
	case k:
		return true, nil
	case kindNull:
		return false, s.absent()
	}
	return false, s.mismatch(want, awsWant)
}

// readString reads a string; ok is false for null.
func readString(s *scanner) (text []byte, ok bool, err error) {
	if ok, err := s.begins(kindString, "a string", "a String"); !ok {
		return nil, false, err
	}
	text, err = s.text()
	return text, err == nil, err
}

func decodeBool(s *scanner, v reflect.Value) error {
	switch s.kind() {
	case kindTrue:
		v.SetBool(true)
		return s.word("true")
	case kindFalse:
		v.SetBool(false)
		return s.word("false")
	case kindNull:
		return s.absent()
	}
	return s.mismatch("true or false", "a Boolean")
}

func decodeInt(s *scanner, v reflect.Value) error {
	const want, awsWant = "an integer", "an Integer"
	if ok, err := s.begins(kindNumber, want, awsWant); !ok {
		return err
	}
	at := s.pos
	text, integer, err := s.number()
	if err != nil {
		return err
	}
	if !integer {
		s.pos = at
		return s.mismatch(want, awsWant)
	}
	bits := v.Type().Bits()
	n, err := strconv.ParseInt(string(text), 10, bits)
	if err != nil {
		low := int64(-1) << (bits - 1)
		return &Error{Offset: at, AWS: "NUMBER_VALUE can not be converted to " + awsWant,
			Problem: fmt.Sprintf("must be between %d and %d, not %s", low, -(low + 1), shorten(text))}
	}
	v.SetInt(n)
	return nil
}

func decodeUint(s *scanner, v reflect.Value) error {
	const want, awsWant = "an integer from 0 on", "an Integer"
	if ok, err := s.begins(kindNumber, want, awsWant); !ok {
		return err
	}
	at := s.pos
	text, integer, err := s.number()
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(text), 10, v.Type().Bits())
	if !integer || err != nil {
		s.pos = at
		return s.mismatch(want, awsWant)
	}
	v.SetUint(n)
	return nil
}

func decodeFloat(s *scanner, v reflect.Value) error {
	if ok, err := s.begins(kindNumber, "a number", "a Float"); !ok {
		return err
	}
	at := s.pos
	text, _, err := s.number()
	if err != nil {
		return err
	}
	x, err := strconv.ParseFloat(string(text), v.Type().Bits())
	if err != nil {
		return &Error{Offset: at, AWS: "NUMBER_VALUE can not be converted to a Float",
			Problem: "is larger than a number can be: " + shorten(text)}
	}
	v.SetFloat(x)
	return nil
}

func shorten(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "..."
	}
	return string(text)
}

// decodeForeign leaves a value to its own UnmarshalJSON or UnmarshalText.
func decodeForeign(s *scanner, v reflect.Value) error {
	s.peek()
	at := s.pos
	if err := s.skip(); err != nil {
		return err
	}
	if err := json.Unmarshal(s.data[at:s.pos], v.Addr().Interface()); err != nil {
		return &Error{Offset: at, Problem: "cannot be read: " + err.Error()}
	}
	return nil
}

func pointerDecoder(t reflect.Type) decoder {
	if t == reflect.TypeFor[*string]() {
		return func(s *scanner, v reflect.Value) error {
			text, ok, err := readString(s)
			if ok {
				p := new(string(text))
				v.Set(reflect.ValueOf(p))
			}
			return err
		}
	}
	elem := decoderOf(t.Elem())
	return func(s *scanner, v reflect.Value) error {
		if s.kind() == kindNull {
			return s.absent()
		}
		p := reflect.New(t.Elem())
		if err := elem(s, p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	}
}

func listDecoder(t reflect.Type) decoder {
	if t.Elem().Kind() == reflect.Uint8 {
		return decodeBytes
	}
	elem := decoderOf(t.Elem())
	empty := reflect.MakeSlice(t, 0, 0)
	nullable := canBeNil(t.Elem())
	return func(s *scanner, v reflect.Value) error {
		if ok, err := s.begins(kindList, "a list", "a List"); !ok {
			return err
		}
		if err := s.enter(); err != nil {
			return err
		}
		v.Set(empty)
		for i := 0; ; i++ {
			more, err := s.more(']', i == 0)
			if err != nil || !more {
				return err
			}
			if i == maxItems {
				return &Error{Offset: s.pos, Problem: fmt.Sprintf("has more than %d items", maxItems)}
			}
			if s.kind() == kindNull && !nullable {
				return within(&Error{Offset: s.pos, Problem: "must not be null"}, i)
			}
			if i == v.Cap() {
				v.Grow(max(1, min(i, maxItems-i)))
			}
			v.SetLen(i + 1)
			if err := elem(s, v.Index(i)); err != nil {
				return within(err, i)
			}
		}
	}
}

func decodeBytes(s *scanner, v reflect.Value) error {
	s.peek()
	at := s.pos
	text, ok, err := readString(s)
	if err != nil || !ok {
		return err
	}
	decoded, err := base64.StdEncoding.AppendDecode([]byte{}, text)
	if err != nil {
		return &Error{Offset: at, Problem: "must be base64"}
	}
	v.SetBytes(decoded)
	return nil
}

func mapDecoder(t reflect.Type) decoder {
	if t.Key().Kind() != reflect.String {
		return func(*scanner, reflect.Value) error {
			return fmt.Errorf("wire: the keys of %s are no strings", t)
		}
	}
	if t == reflect.TypeFor[map[string]string]() {
		return decodeStrings
	}
	elem := decoderOf(t.Elem())
	nullable := canBeNil(t.Elem())
	return func(s *scanner, v reflect.Value) error {
		if ok, err := s.begins(kindObject, "an object", "a Map"); !ok {
			return err
		}
		if err := s.enter(); err != nil {
			return err
		}
		m := reflect.MakeMap(t)
		v.Set(m)
		for first := true; ; first = false {
			more, err := s.more('}', first)
			if err != nil || !more {
				return err
			}
			at := s.pos
			name, err := s.key()
			if err != nil {
				return err
			}
			key := reflect.New(t.Key()).Elem()
			key.SetString(string(name))
			if m.MapIndex(key).IsValid() {
				return under(&Error{Offset: at, Problem: "is given twice"}, string(name))
			}
			if s.kind() == kindNull && !nullable {
				return under(&Error{Offset: s.pos, Problem: "must not be null"}, string(name))
			}
			value := reflect.New(t.Elem()).Elem()
			if err := elem(s, value); err != nil {
				return under(err, string(name))
			}
			m.SetMapIndex(key, value)
		}
	}
}

// decodeStrings is the map decoder for tags and parameters, the common case.
func decodeStrings(s *scanner, v reflect.Value) error {
	if ok, err := s.begins(kindObject, "an object", "a Map"); !ok {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	m := map[string]string{}
	v.Set(reflect.ValueOf(m))
	for first := true; ; first = false {
		more, err := s.more('}', first)
		if err != nil || !more {
			return err
		}
		at := s.pos
		name, err := s.key()
		if err != nil {
			return err
		}
		key := string(name)
		if _, twice := m[key]; twice {
			return under(&Error{Offset: at, Problem: "is given twice"}, key)
		}
		text, ok, err := readString(s)
		if err != nil {
			return under(err, key)
		}
		if !ok {
			return under(&Error{Offset: s.pos, Problem: "must not be null"}, key)
		}
		m[key] = string(text)
	}
}

func canBeNil(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return true
	}
	return false
}

// members finds the fields of a struct by the names that clients give them.
type members struct {
	fields []field
	decode []decoder
	exact  map[string]int
	folded map[string]int // by lower-case name
}

func structDecoder(t reflect.Type) decoder {
	fields, err := fieldsOf(t)
	if err != nil {
		return func(*scanner, reflect.Value) error { return err }
	}
	m := &members{fields: fields, decode: make([]decoder, len(fields)),
		exact: make(map[string]int, len(fields)), folded: make(map[string]int, len(fields))}
	for i := range fields {
		m.decode[i] = decoderOf(fields[i].typ)
		m.exact[fields[i].name] = i
		if folded := strings.ToLower(fields[i].name); !contains(m.folded, folded) {
			m.folded[folded] = i
		}
	}
	return m.read
}

func contains(m map[string]int, key string) bool { _, ok := m[key]; return ok }

func (m *members) read(s *scanner, v reflect.Value) error {
	if ok, err := s.begins(kindObject, "an object", "an Object"); !ok {
		return err
	}
	if err := s.enter(); err != nil {
		return err
	}
	var seen [4]uint64 // a bit for each field; more than 256 fields go unwatched
	for first := true; ; first = false {
		more, err := s.more('}', first)
		if err != nil || !more {
			return err
		}
		at := s.pos
		name, err := s.key()
		if err != nil {
			return err
		}
		i, ok := m.find(name)
		if !ok {
			if err := s.skip(); err != nil {
				return err
			}
			continue
		}
		f := &m.fields[i]
		if i < 64*len(seen) {
			if seen[i/64]&(1<<(i%64)) != 0 {
				return under(&Error{Offset: at, Problem: "is given twice"}, f.name)
			}
			seen[i/64] |= 1 << (i % 64)
		}
		if len(f.index) > 1 && s.kind() == kindNull {
			if err := s.absent(); err != nil { // makes no embedded struct for it
				return err
			}
			continue
		}
		if err := m.decode[i](s, f.in(v)); err != nil {
			return under(err, f.name)
		}
	}
}

// find takes the exact name, or else the name in any case of ASCII letters.
func (m *members) find(name []byte) (int, bool) {
	if i, ok := m.exact[string(name)]; ok {
		return i, true
	}
	var few [64]byte
	if len(name) > len(few) {
		return 0, false // no member has so long a name
	}
	lower := few[:len(name)]
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	i, ok := m.folded[string(lower)]
	return i, ok
}
