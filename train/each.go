package train

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls f for every index below n, on all processors. f(i) may write only what
// belongs to i, so that the result does not depend on their number.
func each(n int, f func(i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
