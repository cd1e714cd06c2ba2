package fakeaws

// EC2 has the methods of the SDK's EC2 client that Packhorse calls.
type EC2 struct{ c *Cloud }

// EC2 returns the cloud's EC2.
func (c *Cloud) EC2() *EC2 { return &EC2{c} }

// value is what a pointer of the SDK points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
