// The same answers as hello.ts, wait.ts and models.ts, from net/http.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
)

var body = []byte("Hello, world!\n")

func hello(response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/plain")
	response.Write(body)
}

func asked(request *http.Request) time.Duration {
	milliseconds, err := strconv.Atoi(request.URL.Query().Get("ms"))
	if err != nil {
		milliseconds = 1000
	}
	return time.Duration(milliseconds) * time.Millisecond
}

func wait(response http.ResponseWriter, request *http.Request) {
	time.Sleep(asked(request))
	hello(response, request)
}

// Blocks its thread in a system call, as Atomics.wait does. A signal ends such a call early, with the rest of the time.
func block(response http.ResponseWriter, request *http.Request) {
	left := syscall.NsecToTimespec(asked(request).Nanoseconds())
	for {
		if err := syscall.Nanosleep(&left, &left); err != syscall.EINTR {
			break
		}
	}
	hello(response, request)
}

func main() {
	http.HandleFunc("/", hello)
	http.HandleFunc("/wait", wait)
	http.HandleFunc("/block", block)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
}
