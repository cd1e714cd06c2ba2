package shapes

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"time"
)

// XML writes the members of v, an output of EC2, as they stand within the element of
// the response: lists as elements with an <item> for each.
func XML(w io.Writer, v any) error {
	p := printer{w: w}
	p.structure(reflect.Indirect(reflect.ValueOf(v)))
	return p.err
}

// printer keeps the first error, so that what it prints reads as the XML.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) text(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

func (p *printer) structure(v reflect.Value) {
	for field, value := range members(v) {
		name, ok := answerNames[v.Type().Name()+"."+field.Name]
		if !ok {
			name = LowerFirst(field.Name)
		}
		item, ok := itemNames[v.Type().Name()+"."+field.Name]
		if !ok {
			item = "item"
		}
		p.element(name, item, value)
	}
}

// itemNames are lists whose elements are called otherwise than "item".
var itemNames = map[string]string{
	"InferenceAcceleratorInfo.Accelerators":                      "member",
	"LaunchTemplateInstanceNetworkInterfaceSpecification.Groups": "groupId",
}

func (p *printer) element(name, item string, v reflect.Value) {
	p.text("<" + name + ">")
	defer p.text("</" + name + ">")
	v = reflect.Indirect(v)
	switch v.Kind() {
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			p.text(t.UTC().Format("2006-01-02T15:04:05.000Z"))
			return
		}
		p.structure(v)
	case reflect.Slice:
		if b, ok := v.Interface().([]byte); ok {
			p.text(base64.StdEncoding.EncodeToString(b))
			return
		}
		for i := range v.Len() {
			p.element(item, "item", v.Index(i))
		}
	case reflect.String:
		if p.err == nil {
			p.err = xml.EscapeText(p.w, []byte(v.String()))
		}
	case reflect.Bool:
		p.text(strconv.FormatBool(v.Bool()))
	case reflect.Int32, reflect.Int64:
		p.text(strconv.FormatInt(v.Int(), 10))
	case reflect.Float64:
		p.text(strconv.FormatFloat(v.Float(), 'f', -1, 64))
	default:
		if p.err == nil {
			p.err = fmt.Errorf("shapes: <%s> is a %s, for which EC2's XML has no form", name, v.Type())
		}
	}
}
