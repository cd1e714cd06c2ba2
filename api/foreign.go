package api

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// foreign refuses what a web page of somebody else's makes a browser send here.
//
// A server without keys runs whatever it is asked to run, and a browser on the same
// machine can reach it. A page may post to it from another origin, or have its own
// name resolve to this address (DNS rebinding). The first is seen by the headers
// that browsers add, the second by a Host that is no name of this machine.
func (h *handler) foreign(r *http.Request) error {
	if err := h.crossOrigin(r); err != nil {
		return err
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if private(host) || slices.ContainsFunc(h.Hosts, func(own string) bool { return strings.EqualFold(own, host) }) {
		return nil
	}
	return &failure{status: http.StatusForbidden, code: codeDenied,
		message: "this server has no access keys, so it answers under localhost, an IP address or a private name, not under " + clip(host) + "; use such a name, name this one when starting the server, or give it access keys"}
}

func (h *handler) crossOrigin(r *http.Request) error {
	if h.cross.Check(r) == nil {
		return nil
	}
	return &failure{status: http.StatusForbidden, code: codeDenied,
		message: "a web page of another origin may not call this server; use an AWS SDK, the AWS CLI or packhorse itself"}
}

// privateEndings are the top-level names that the public DNS does not have (RFC
// 6761, RFC 8375, ICANN's "internal"); Docker's host.docker.internal is one.
var privateEndings = []string{".localhost", ".internal", ".local", ".test", ".home.arpa"}

// private reports whether a host is an address, or a name that no stranger can
// make resolve to this machine.
func private(host string) bool {
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return true // "localhost", a name in /etc/hosts, a service of docker compose
	}
	return slices.ContainsFunc(privateEndings, func(end string) bool { return strings.HasSuffix(host, end) })
}
