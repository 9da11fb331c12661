// The workloads of tasks.ts, in Go.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func pingPong() int {
	const rounds = 1000000
	a, b := make(chan int), make(chan int)
	go func() {
		for i := 0; i < rounds; i++ {
			b <- <-a
		}
	}()
	for i := 0; i < rounds; i++ {
		a <- i
		<-b
	}
	return 2 * rounds
}

func pipeline() int {
	const stages, values = 1000, 1000
	first := make(chan int)
	last := first
	for i := 0; i < stages; i++ {
		next := make(chan int)
		go func(in, out chan int) {
			for value := range in {
				out <- value
			}
			close(out)
		}(last, next)
		last = next
	}
	go func() {
		for i := 0; i < values; i++ {
			first <- i
		}
		close(first)
	}()
	for range last {
	}
	return stages * values
}

func buffered() int {
	const values = 5000000
	channel := make(chan int, 128)
	go func() {
		for i := 0; i < values; i++ {
			channel <- i
		}
		close(channel)
	}()
	for range channel {
	}
	return values
}

func residentBytes() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return float64(pages * os.Getpagesize())
}

func parked() {
	const tasks = 1000000
	never := make(chan int)
	runtime.GC()
	before := residentBytes()
	start := time.Now()
	for i := 0; i < tasks; i++ {
		go func() { <-never }()
	}
	for runtime.NumGoroutine() < tasks {
		runtime.Gosched()
	}
	runtime.Gosched()
	seconds := time.Since(start).Seconds()
	fmt.Printf("result {\"bytesPerTask\":%f,\"perSecond\":%f}\n", (residentBytes()-before)/tasks, tasks/seconds)
}

func main() {
	workloads := map[string]func() int{"ping-pong": pingPong, "pipeline": pipeline, "buffered": buffered}
	if os.Args[1] == "parked" {
		parked()
	} else {
		run := workloads[os.Args[1]]
		run()
		start := time.Now()
		operations := run()
		fmt.Printf("result {\"perSecond\":%f}\n", float64(operations)/time.Since(start).Seconds())
	}
	time.Sleep(time.Hour)
}
