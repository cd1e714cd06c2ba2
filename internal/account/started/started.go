// Package started begins a Lambda function: its settings, its log, and the end of it when
// it cannot begin.
package started

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/packhorse-batch/packhorse/internal/account"
)

// patience bounds what a function does before it takes events. Lambda gives it 10 s.
const patience = 8 * time.Second

// With opens what a function works with from its environment. A function that cannot
// begin ends with the reason in its log, and Lambda tries again.
func With[T any](open func(context.Context, account.Settings, *slog.Logger) (T, error)) T {
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level()}))
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	settings, err := account.FromEnvironment(os.Getenv)
	var opened T
	if err == nil {
		opened, err = open(ctx, settings, log)
	}
	if err != nil {
		log.Error("the function cannot begin", "error", err)
		os.Exit(1)
	}
	return opened
}

// level is what the variable AWS_LAMBDA_LOG_LEVEL says: Lambda's own setting.
func level() slog.Level {
	var l slog.Level
	if l.UnmarshalText([]byte(os.Getenv("AWS_LAMBDA_LOG_LEVEL"))) != nil {
		return slog.LevelInfo
	}
	return l
}
