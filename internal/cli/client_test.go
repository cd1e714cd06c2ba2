package cli

import "testing"

func TestTheServerIsFoundByFlagThenEnvironmentThenDefault(t *testing.T) {
	tests := map[string]struct {
		flags connectionFlags
		env   map[string]string
		want  target
	}{
		"nothing given": {
			want: target{endpoint: DefaultEndpoint, logs: DefaultEndpoint},
		},
		"AWS_ENDPOINT_URL_BATCH": {
			env:  map[string]string{"AWS_ENDPOINT_URL_BATCH": "http://localhost:5000"},
			want: target{endpoint: "http://localhost:5000", logs: "http://localhost:5000"},
		},
		"PACKHORSE_ENDPOINT before it": {
			env:  map[string]string{"AWS_ENDPOINT_URL_BATCH": "http://localhost:5000", "PACKHORSE_ENDPOINT": "http://localhost:6000/"},
			want: target{endpoint: "http://localhost:6000", logs: "http://localhost:6000"},
		},
		"--endpoint before all, as host and port": {
			flags: connectionFlags{endpoint: "127.0.0.1:7000"},
			env:   map[string]string{"PACKHORSE_ENDPOINT": "http://localhost:6000"},
			want:  target{endpoint: "http://127.0.0.1:7000", logs: "http://127.0.0.1:7000"},
		},
		"the logs elsewhere": {
			env:  map[string]string{"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": "http://localhost:8000"},
			want: target{endpoint: DefaultEndpoint, logs: "http://localhost:8000"},
		},
		"another machine needs credentials": {
			flags: connectionFlags{endpoint: "http://batch.lab:4600", region: "eu-west-1"},
			want:  target{endpoint: "http://batch.lab:4600", logs: "http://batch.lab:4600", region: "eu-west-1", chain: true},
		},
		"credentials in the environment are used on loopback too": {
			env:  map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_REGION": "eu-north-1"},
			want: target{endpoint: DefaultEndpoint, logs: DefaultEndpoint, region: "eu-north-1", chain: true},
		},
		"a profile": {
			flags: connectionFlags{profile: "lab"},
			want:  target{endpoint: DefaultEndpoint, logs: DefaultEndpoint, profile: "lab", chain: true},
		},
		"AWS itself": {
			flags: connectionFlags{endpoint: "aws"},
			want:  target{chain: true},
		},
		"AWS by its address, which names the region": {
			flags: connectionFlags{endpoint: "https://batch.eu-west-1.amazonaws.com"},
			want:  target{region: "eu-west-1", chain: true},
		},
	}
	for name, tt := range tests {
		got, err := tt.flags.resolve(func(k string) string { return tt.env[k] })
		if err != nil || got != tt.want {
			t.Errorf("%s: resolve(%+v, %v) = %+v, %v, want %+v", name, tt.flags, tt.env, got, err, tt.want)
		}
	}
	if _, err := (connectionFlags{endpoint: "ftp://x"}).resolve(func(string) string { return "" }); err == nil {
		t.Error(`resolve("ftp://x") succeeded, want an error`)
	}
}

func TestWholeNumbersAreShortenedOutsideStringsOnly(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"vcpus":1.0,"memory":512}`, `{"vcpus":1,"memory":512}`},
		{`{"a":-2.0,"b":[1.0, 3.05, 1.0e3]}`, `{"a":-2,"b":[1, 3.05, 1.0e3]}`},
		{`{"reason":"version 1.0, \"2.0\"","n":4.0}`, `{"reason":"version 1.0, \"2.0\"","n":4}`},
		{`{"open":"1.0`, `{"open":"1.0`},
	} {
		if got := string(shortenWholes([]byte(tt.text))); got != tt.want {
			t.Errorf("shortenWholes(%s) = %s, want %s", tt.text, got, tt.want)
		}
	}
}
