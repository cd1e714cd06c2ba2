package packing

// meter counts elementary steps, so that the same input leads to the same plan
// whatever the machine, and stops early only where a clock says so.
type meter struct {
	left    int64
	expired func() bool
	over    bool // the clock has said so
}

// spend takes steps off and reports whether there are some left.
func (m *meter) spend(steps int64) bool {
	m.left -= steps
	return m.left > 0
}

// more reports whether to go on. It asks the clock, so it is for loops whose turns
// take microseconds.
func (m *meter) more() bool {
	if m.left <= 0 || m.over {
		return false
	}
	if m.expired != nil && m.expired() {
		m.over = true
	}
	return !m.over
}

// part lends out steps: what is not used comes back with settle.
func (m *meter) part(steps int64) meter {
	return meter{left: min(steps, m.left), expired: m.expired, over: m.over}
}

// settle takes what part lent and how much it left.
func (m *meter) settle(lent int64, p *meter) {
	m.left -= lent - p.left
	m.over = m.over || p.over
}
