package main

// Latencies by tenths of a millisecond, up to a minute.
type tally struct {
	buckets  []uint32
	received int64
	maxNs    int64
	// Those that came until then are counted apart: a rate is of a time that has an end.
	untilAt int64
	inTime  int64
}

const (
	bucketNs = 100_000
	buckets  = 600_000
)

func newTally() *tally {
	return &tally{buckets: make([]uint32, buckets)}
}

func (tally *tally) add(now int64, latencyNs int64) {
	bucket := latencyNs / bucketNs
	if bucket < 0 {
		bucket = 0
	}
	if bucket >= buckets {
		bucket = buckets - 1
	}
	tally.buckets[bucket]++
	tally.received++
	if now <= tally.untilAt {
		tally.inTime++
	}
	if latencyNs > tally.maxNs {
		tally.maxNs = latencyNs
	}
}

func (tally *tally) reset() {
	for index := range tally.buckets {
		tally.buckets[index] = 0
	}
	tally.received, tally.maxNs, tally.untilAt, tally.inTime = 0, 0, 0, 0
}

func (tally *tally) summary() map[string]any {
	return map[string]any{
		"received": tally.received,
		"p50Ms":    tally.at(0.5),
		"p99Ms":    tally.at(0.99),
		"maxMs":    float64(tally.maxNs) / 1e6,
	}
}

func (tally *tally) at(share float64) float64 {
	left := int64(share * float64(tally.received))
	for index, count := range tally.buckets {
		left -= int64(count)
		if left < 0 {
			return float64(index) * bucketNs / 1e6
		}
	}
	return float64(tally.maxNs) / 1e6
}
