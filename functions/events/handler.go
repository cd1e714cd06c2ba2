package main

import (
	"context"
	"encoding/json"

	"github.com/packhorse-batch/packhorse/internal/account/fleet"
)

type handler struct{ *fleet.Account }

// handle records what one event tells. An event that cannot be read is logged and
// dropped: it would be no better the next time, and the sweep sees what is really there.
// One that cannot be recorded is an error, and EventBridge brings it again. That a pass
// follows is the business of the table's stream.
func (h *handler) handle(ctx context.Context, event json.RawMessage) error {
	h.Renew()
	news, err := h.Backend.Hear(ctx, event)
	if err != nil {
		if json.Valid(event) && ctx.Err() == nil {
			return err
		}
		h.Log.Error("an event cannot be read", "error", err, "event", string(event))
		return nil
	}
	if len(news) == 0 {
		return nil
	}
	return h.Engine.Hear(ctx, news)
}
