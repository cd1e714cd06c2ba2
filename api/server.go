package api

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// Server returns an HTTP server for a handler, with bounds on how long a client may
// take, so that slow ones cannot use up its connections. A page that streams has to
// move its own deadline (http.ResponseController).
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      time.Minute, // the longest answer is a page of 1 MiB of log events
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// LoopbackOnly returns an error unless a listen address, as in "127.0.0.1:8080", is
// reached from this machine only. A server without access keys must not listen on
// any other: whoever reaches it can run commands here.
func LoopbackOnly(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen address %q: %w; give it as host:port, such as 127.0.0.1:8080", address, err)
	}
	if strings.EqualFold(host, "localhost") {
		return nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return nil
	}
	where := "the address " + host
	if host == "" {
		where = "all addresses of this machine"
	}
	return fmt.Errorf("not serving on %s without access keys: whoever reaches it could run any command here; listen on 127.0.0.1, or make an access key and start the server with it", where)
}
