package packing

// emitter puts real jobs where classes were planned.
type emitter struct {
	fine   *problem
	coarse *classes
	left   []int64 // jobs of each fine item that are not on a host yet
	first  []int   // by class: members before are used up
	exact  bool    // each class is one item
	out    []stack // in fine items
	value  []float64
	order  []int32 // classes by value, the largest first
}

// put makes n hosts with a filling of classes; demand, by class, is lowered by what
// goes there: more than the filling where the real jobs leave room.
func (e *emitter) put(s stack, demand []int64) {
	if e.exact {
		for k, i := range s.items {
			demand[i] -= s.count[k] * s.hosts
		}
		f := stack{bin: s.bin, hosts: s.hosts}
		for k, i := range s.items {
			f.items = append(f.items, e.coarse.members[i][0])
			f.count = append(f.count, s.count[k])
		}
		f.sort()
		e.out = append(e.out, f)
		return
	}
	for range s.hosts {
		if !e.one(s, demand) {
			return
		}
	}
}

// one makes one host; it reports whether there were jobs for it.
func (e *emitter) one(s stack, demand []int64) bool {
	room := e.fine.bins[s.bin].room
	var f filling
	add := func(i int32, n int64) {
		room = room.minus(n, e.fine.items[i].need)
		e.left[i] -= n
		f.items = append(f.items, i)
		f.count = append(f.count, n)
	}
	for k, c := range s.items {
		want := s.count[k]
		members := e.coarse.members[c]
		for at := e.first[c]; at < len(members) && want > 0; at++ {
			i := members[at]
			if n := min(e.left[i], want); n > 0 {
				add(i, n)
				want -= n
				demand[c] -= n
			}
			if e.left[i] == 0 && at == e.first[c] {
				e.first[c]++
			}
		}
	}
	// Fill up, dearest first.
	for _, c := range e.order {
		if demand[c] == 0 || !e.coarse.permits[e.coarse.items[c].permit][s.bin] {
			continue
		}
		members := e.coarse.members[c]
		looks := 0
		for at := e.first[c]; at < len(members) && looks < topUpLooks; at++ {
			i := members[at]
			if e.left[i] == 0 {
				continue
			}
			looks++
			if n := e.fine.items[i].need.times(room, e.left[i]); n > 0 {
				add(i, n)
				demand[c] -= n
			}
		}
	}
	if len(f.items) == 0 {
		return false
	}
	f.sort()
	f.join()
	e.out = append(e.out, stack{bin: s.bin, filling: f, hosts: 1})
	return true
}

// topUpLooks bounds how many items of a class are tried where a host is filled up.
const topUpLooks = 24

// join adds up what is there twice.
func (f *filling) join() {
	n := 0
	for k := range f.items {
		if n > 0 && f.items[n-1] == f.items[k] {
			f.count[n-1] += f.count[k]
			continue
		}
		f.items[n], f.count[n] = f.items[k], f.count[k]
		n++
	}
	f.items, f.count = f.items[:n], f.count[:n]
}
