package api

import (
	"html"
	"net/http"
	"strings"
)

// health answers GET /healthz, for load balancers and scripts that wait.
func (h *handler) health(c *call) {
	type state struct{ Status, Reason string }
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		restJSON{h}.refuse(c, &failure{status: http.StatusMethodNotAllowed, code: codeMethod, allow: "GET, HEAD", message: "/healthz takes GET"})
		return
	}
	if h.Healthy != nil {
		if err := h.Healthy(c.r.Context()); err != nil {
			_ = c.json(http.StatusServiceUnavailable, contentJSON, state{"unavailable", err.Error()})
			return
		}
	}
	_ = c.json(http.StatusOK, contentJSON, state{Status: "ok"})
}

// page answers a browser. With keys a server may have a public name, and Home has
// to know its visitors.
func (h *handler) page(c *call) {
	check := h.foreign
	if h.locked() {
		check = h.crossOrigin
	}
	if err := check(c.r); err != nil {
		restJSON{h}.refuse(c, h.failed(c, err))
		return
	}
	h.Home.ServeHTTP(c.w, c.r)
}

const welcomePage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Packhorse</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}pre{background:#f4f4f2;padding:1rem;overflow:auto}</style></head>
<body><h1>Packhorse</h1>
<p>This is a Packhorse server. It runs batch jobs and speaks the API of AWS Batch, so the AWS CLI, every AWS SDK and the workflow managers that know AWS Batch are its clients.</p>
<p>Point one here:</p>
<pre>export AWS_ENDPOINT_URL_BATCH=ADDRESS
export AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local   # or a key of this server
aws batch describe-job-queues</pre>
<p>For logs, and for the tasks and instances behind a job, set <code>AWS_ENDPOINT_URL_CLOUDWATCH_LOGS</code>, <code>AWS_ENDPOINT_URL_ECS</code>, <code>AWS_ENDPOINT_URL_EC2</code> and <code>AWS_ENDPOINT_URL_STS</code> to the same address. <code>GET /healthz</code> tells whether the server is up.</p>
</body></html>
`

// welcome is the page of a server without a console.
func welcome(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.Error(w, "There is no such page here. Packhorse answers the AWS Batch API under /v1/, and says more at /.", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "this page takes GET", http.StatusMethodNotAllowed)
		return
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte(strings.ReplaceAll(welcomePage, "ADDRESS", html.EscapeString(scheme+r.Host))))
}
