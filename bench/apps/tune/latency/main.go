// A server whose latencies are known. It measures them itself, from the read of a request to the write of its answer.
//
//	latency lognormal   the k-th request takes the quantile frac(k · φ) of a log-normal distribution: median 40 ms, p99 101 ms. Any
//	                    few thousand requests in a row have nearly exactly its percentiles.
//	latency stall       answers at once, but in the first 300 ms of every 2 s nothing. Of a constant rate of arrivals 15 % wait,
//	                    evenly from 300 ms to 0.
//
// GET /truth answers what was measured since the last GET /truth, as JSON.
package main

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"os"
	"sort"
	"sync"
	"syscall"
	"time"
)

const (
	medianMs = 40.0
	sigma    = 0.4
	golden   = 0.6180339887498949
	period   = 2 * time.Second
	stall    = 300 * time.Millisecond
)

var (
	lock     sync.Mutex
	requests uint64
	taken    []float64
	began    = time.Now()
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	hold := lognormal
	if len(os.Args) > 1 && os.Args[1] == "stall" {
		hold = stalled
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(connection, hold)
	}
}

func serve(connection net.Conn, hold func() time.Duration) {
	defer connection.Close()
	buffer := make([]byte, 4096)
	for {
		count, err := connection.Read(buffer)
		if err != nil {
			return
		}
		began := time.Now()
		body := "ok"
		isTruth := bytes.HasPrefix(buffer[:count], []byte("GET /truth "))
		if isTruth {
			body = truth()
		} else {
			sleep(hold() - time.Since(began))
		}
		_, err = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s", len(body), body)
		if err != nil {
			return
		}
		if !isTruth {
			note(time.Since(began))
		}
	}
}

// sleep is exact to some 0.1 ms: Go's own timers are up to a millisecond late.
func sleep(duration time.Duration) {
	if duration <= 0 {
		return
	}
	left := syscall.NsecToTimespec(int64(duration))
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}

func lognormal() time.Duration {
	lock.Lock()
	requests++
	share := math.Mod(float64(requests)*golden, 1)
	lock.Unlock()
	z := math.Sqrt2 * math.Erfinv(2*share-1)
	return time.Duration(medianMs * math.Exp(sigma*z) * float64(time.Millisecond))
}

func stalled() time.Duration {
	phase := time.Since(began) % period
	if phase < stall {
		return stall - phase
	}
	return 0
}

func note(duration time.Duration) {
	lock.Lock()
	taken = append(taken, float64(duration)/float64(time.Millisecond))
	lock.Unlock()
}

func truth() string {
	lock.Lock()
	defer lock.Unlock()
	sort.Float64s(taken)
	at := func(share float64) float64 {
		if len(taken) == 0 {
			return 0
		}
		return taken[int(math.Ceil(share*float64(len(taken))))-1]
	}
	text := fmt.Sprintf(`{"count":%d,"p50Ms":%.4f,"p99Ms":%.4f}`, len(taken), at(0.5), at(0.99))
	taken = nil
	return text
}
