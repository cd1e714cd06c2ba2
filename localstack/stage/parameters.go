package stage

import (
	"encoding/json"
	"net/http"
	"strings"
)

// parameters is a parameter store that has keys and nothing else. It answers
// GetParameter as SSM does.
func parameters(keys map[string]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Name string }
		err := json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		id := strings.TrimPrefix(in.Name, KeyPath)
		value, ok := keys[id]
		if id == AdminID {
			value, ok = AdminKey, true
		}
		if err != nil || !ok || r.Header.Get("X-Amz-Target") != "AmazonSSM.GetParameter" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"__type":"ParameterNotFound"}`)) // the client is gone, or told
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Name": in.Name, "Type": "SecureString", "Value": value}})
	})
}

// AdminKey is the key of AdminID as the parameter store has it.
const AdminKey = `{"secret":"` + AdminSecret + `","role":"admin"}`
