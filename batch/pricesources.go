package batch

// PriceSources says where the prices that a server plans with are from, and how old they
// are.
type PriceSources struct {
	Parts []PriceSource
}

// PriceSource is one part of what a server knows of prices.
type PriceSource struct {
	// Part is "types" (which instance types there are), "ondemand" or "spot".
	Part string
	// Source is "aws", as the deployment asked for it, or "built-in": the table that came
	// with the program.
	Source string
	Region string
	// At is when AWS was asked, or when the table's prices were published.
	At Millis
	// AgeSeconds is how long ago that was.
	AgeSeconds float64
}
