package batch

// QueuePlan is what a pass would do now for a queue as it stands. Nothing is written for
// it: the next pass decides anew.
type QueuePlan struct {
	Queue string
	// State is that of the queue. A DISABLED one takes no new jobs; what waits in it goes on.
	State string
	At    Millis
	// Jobs is how many waiting jobs were looked at, an array's children counted; More says
	// that further ones wait behind.
	Jobs int
	More bool `json:",omitempty"`
	// StartNow is how many of them start at once, on hosts that are there.
	StartNow int
	// Environments are those of the queue, in its order.
	Environments []EnvironmentPlan
	// Waiting is jobs that get no host, with the reason, which names the nearest type where
	// no type is large enough.
	Waiting []UnplacedJobs
}

// EnvironmentPlan is what a plan does in one compute environment.
type EnvironmentPlan struct {
	Environment string
	// Ready and Booting are the hosts that it has; OnBooting is how many of the jobs those
	// that boot will take.
	Ready, Booting, OnBooting int
	// Waits is how many jobs wait for a host here.
	Waits int
	// ForRoom is those of them that no host is launched for yet, since others are expected
	// to leave room for them.
	ForRoom []JobsForRoom
	Hosts   []PlannedHosts
	// UsdPerHour is what the hosts to launch cost.
	UsdPerHour float64
	// LowerBoundUsdPerHour is what no choice of hosts for what waits can be below, but for
	// ForRoom. Hosts that are cheaper until they are empty may cost more an hour.
	LowerBoundUsdPerHour float64
	// StartsInSeconds is when the last of the jobs that wait for a host here is expected to
	// start: when the hosts to launch, or else those on their way, are ready, by what boots
	// take here. 0: no host is launched or on its way for them.
	StartsInSeconds float64
}

// PlannedHosts is hosts to launch for the same jobs each.
type PlannedHosts struct {
	Type       string
	Market     string // SPOT or ON_DEMAND
	Count      int
	UsdPerHour float64       // of each
	Jobs       []PlannedJobs // on each
}

// PlannedJobs is equal jobs.
type PlannedJobs struct {
	Vcpus     float64
	MemoryMiB int64
	Gpus      int64 `json:",omitempty"`
	Count     int
}

// JobsForRoom is equal jobs that wait for room that others are expected to leave.
type JobsForRoom struct {
	PlannedJobs
	// Until is when a host is launched for the first of them, if no room was left by then.
	Until Millis
}

// UnplacedJobs is a job that gets no host, or children of an array.
type UnplacedJobs struct {
	JobId  string
	Count  int
	Reason string
}
