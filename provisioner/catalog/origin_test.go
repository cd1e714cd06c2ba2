package catalog

import (
	"testing"
	"time"
)

func TestTheTableSaysHowOldItIs(t *testing.T) {
	o := DefaultOrigin()
	if o.Region != "us-east-1" || o.PricesAt.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || o.MadeAt.Before(o.PricesAt) {
		t.Errorf("the origin is %+v, want us-east-1, prices of 2026 or later, made after they were published", o)
	}
}

func TestATableWithoutAHeadIsRefused(t *testing.T) {
	for name, head := range map[string]string{
		"no head":          "a1.large\t2\t4096\n",
		"an odd day":       "# EC2 instance types of r for Linux. Made by gen on Monday; do not edit.\n# prices: On-Demand, x, generated at 2026-07-20T13:44:30Z for r\n",
		"an odd time":      "# EC2 instance types of r for Linux. Made by gen on 2026-11-23; do not edit.\n# prices: On-Demand, x, generated at noon for r\n",
		"no line of price": "# EC2 instance types of r for Linux. Made by gen on 2026-11-23; do not edit.\n",
	} {
		if o, err := readOrigin(head); err == nil {
			t.Errorf("%s: origin %+v, want an error", name, o)
		}
	}
}
