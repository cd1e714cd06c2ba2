package packing

// emitter puts real jobs where classes were planned.
type emitter struct {
	fine   *problem
	coarse *classes
	left   []int64 // jobs of each fine item that are not on a host yet
	first  []int   // by class: members before are used up
	exact  bool    // each class is one item
	out    []stack // in fine items
	weight [dims]float64
	order  []int32 // classes by value, the largest first
	m      *meter  // asked now and then; nil: not
	class  []int32 // of each fine item, once it is asked for
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
	for n := int64(0); n < s.hosts; n++ {
		if n%64 == 63 && e.m != nil && !e.m.more() {
			return
		}
		if !e.one(s, demand) {
			return
		}
		n += e.again(s.hosts-n-1, demand)
	}
}

// manyAgain is from how many equal hosts on they are made at a time.
const manyAgain = 64

// again makes more hosts like the last one, at most so many, if there are jobs for very
// many, and returns their number.
func (e *emitter) again(most int64, demand []int64) int64 {
	last := &e.out[len(e.out)-1]
	for k, i := range last.items {
		most = min(most, e.left[i]/last.count[k])
	}
	if most < manyAgain {
		return 0
	}
	if e.class == nil {
		e.class = make([]int32, len(e.fine.items))
		for c, members := range e.coarse.members {
			for _, i := range members {
				e.class[i] = int32(c)
			}
		}
	}
	for k, i := range last.items {
		e.left[i] -= most * last.count[k]
		demand[e.class[i]] -= most * last.count[k]
	}
	last.hosts += most
	return most
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
	carry := 0.0 // how much larger than planned the jobs so far were
	for k, c := range s.items {
		want := s.count[k]
		members := e.coarse.members[c]
		if e.coarse.mean && len(members) > 1 {
			for ; want > 0; want-- {
				i := e.like(c, e.worth(e.coarse.items[c].need)-carry, room)
				if i < 0 {
					break
				}
				carry += e.worth(e.fine.items[i].need) - e.worth(e.coarse.items[c].need)
				add(i, 1)
				demand[c]--
			}
			continue
		}
		for at := e.first[c]; at < len(members) && want > 0; at++ {
			i := members[at]
			if n := e.fine.items[i].need.times(room, min(e.left[i], want)); n > 0 {
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

// worth is what a need is worth by the weights of its resources.
func (e *emitter) worth(v vector) float64 {
	return e.weight[0]*float64(v[0]) + e.weight[1]*float64(v[1]) + e.weight[2]*float64(v[2])
}

// likeLooks bounds how far from the right size a job is looked for.
const likeLooks = 40

// like returns a member of a class with jobs left that fits and is worth about so much,
// or -1.
func (e *emitter) like(c int32, worth float64, room vector) int32 {
	members := e.coarse.members[c]
	for e.first[c] < len(members) && e.left[members[e.first[c]]] == 0 {
		e.first[c]++
	}
	// Members are in order of worth, the largest first.
	low, high := e.first[c], len(members)
	for low < high {
		mid := (low + high) / 2
		if e.worth(e.fine.items[members[mid]].need) > worth {
			low = mid + 1
		} else {
			high = mid
		}
	}
	usable := func(at int) bool {
		return at >= e.first[c] && at < len(members) && e.left[members[at]] > 0 && e.fine.items[members[at]].need.fits(room)
	}
	for d := range likeLooks {
		if usable(low + d) {
			return members[low+d]
		}
		if usable(low - 1 - d) {
			return members[low-1-d]
		}
	}
	for at := e.first[c]; at < min(len(members), e.first[c]+likeLooks); at++ {
		if usable(at) {
			return members[at]
		}
	}
	return -1
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
