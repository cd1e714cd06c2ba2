package deploy

import "fmt"

// Event is a step of an operation, told as it happens.
type Event struct {
	// Text is a step outside of the stack, in words. The other fields are then empty.
	Text string

	Resource string // name in the template, or of the stack itself
	Type     string // such as AWS::Lambda::Function
	Status   string // such as CREATE_IN_PROGRESS
	Reason   string // of a failure
	Ready    int    // how many resources have come to their end so far
	Most     int    // how many they may become; 0 where that is not known
}

// Failed tells an event of the stack that something could not be done.
func (e Event) Failed() bool { return hasSuffix(e.Status, "_FAILED") }

// Complete tells an event of the stack that something was done.
func (e Event) Complete() bool { return hasSuffix(e.Status, "_COMPLETE") }

func hasSuffix(status, end string) bool {
	return len(status) > len(end) && status[len(status)-len(end):] == end
}

// Progress takes events; nil drops them.
type Progress func(Event)

func (p Progress) say(format string, args ...any) {
	if p != nil {
		p(Event{Text: fmt.Sprintf(format, args...)})
	}
}

func (p Progress) tell(e Event) {
	if p != nil {
		p(e)
	}
}
