// The same answers as hello.ts and wait.ts, from net/http.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

var body = []byte("Hello, world!\n")

func hello(response http.ResponseWriter, _ *http.Request) {
	response.Header().Set("Content-Type", "text/plain")
	response.Write(body)
}

func wait(response http.ResponseWriter, request *http.Request) {
	milliseconds, err := strconv.Atoi(request.URL.Query().Get("ms"))
	if err != nil {
		milliseconds = 1000
	}
	time.Sleep(time.Duration(milliseconds) * time.Millisecond)
	hello(response, request)
}

func main() {
	http.HandleFunc("/", hello)
	http.HandleFunc("/wait", wait)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Printf("listening on http://%s\n", listener.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
}
