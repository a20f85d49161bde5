package machine

import (
	"os"
	"testing"
)

func TestMemory(t *testing.T) {
	total, available := Memory()
	if _, err := os.Stat("/proc/meminfo"); err != nil {
		if total != 0 || available != 0 {
			t.Fatalf("%d and %d bytes where the system does not tell", total, available)
		}
		return
	}
	if available <= 0 || available > total {
		t.Errorf("%d of %d bytes are left", available, total)
	}
}
