// Simulated WebSocket clients, many thousands in one thread: one epoll loop, one buffer, and a few dozen bytes a client. An HTTP
// or WebSocket library would take more CPU than the server that it measures.
//
//	web-sockets <address> <path> [source]
//
// `source` is the address to connect from: one has some 28,000 ports for each server. It reads commands from stdin and writes
// answers to stdout, both a line each:
//
//	<id> connect {"clients":15000,"atOnce":128,"timeoutMs":60000}
//	<id> echo {"seconds":5,"timeoutMs":10000}                     each client sends one message, evenly spread
//	<id> publish {"perSecond":2,"seconds":5,"timeoutMs":10000}    the first client sends to the room, when it is due
//	<id> publish {"window":2,"seconds":5,"timeoutMs":10000}       the next when an earlier one has come to all
//	<id> reset {}                                                 forgets what was received from the room
//	<id> report {}                                                what was received from the room since then
//	<id> alive {}                                                 how many are connected, and how the others ended
//	<id> quit {}
//	reply <id> {…} | error <id> <text>
//
// It ends by itself when stdin does.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A job runs from its command to its answer. Between its steps the loop serves the clients.
type job interface {
	// step does what is due. It says when it is due again, and whether it has ended.
	step(now int64) (next int64, done bool)
	result() any
}

type options struct {
	Clients   int     `json:"clients"`
	AtOnce    int     `json:"atOnce"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"perSecond"`
	Window    int     `json:"window"`
	TimeoutMs int64   `json:"timeoutMs"`
}

const longestWaitMs = 1000

func main() {
	runtime.LockOSThread()
	if len(os.Args) < 3 {
		fail("usage: web-sockets <address> <path> [source]")
	}
	server, err := net.ResolveTCPAddr("tcp4", os.Args[1])
	if err != nil {
		fail(err.Error())
	}
	crowd := newCrowd(server, os.Args[2])
	if len(os.Args) > 3 {
		source := net.ParseIP(os.Args[3]).To4()
		if source == nil {
			fail("not an IPv4 address: " + os.Args[3])
		}
		crowd.source = source
	}
	if err := syscall.SetNonblock(0, true); err != nil {
		fail(err.Error())
	}
	crowd.watch(0, syscall.EPOLLIN)
	fmt.Println("ready")
	run(crowd)
}

func run(crowd *crowd) {
	var current job
	var id, input string
	for {
		wait := int64(longestWaitMs)
		if current != nil {
			now := time.Now().UnixNano()
			next, done := current.step(now)
			if done {
				answer(id, current.result())
				current = nil
			} else {
				wait = (next - now + 999_999) / 1_000_000
			}
		}
		if current == nil {
			if line, rest, found := strings.Cut(input, "\n"); found {
				input = rest
				id, current = begin(crowd, line)
				continue
			}
		}
		input += crowd.poll(wait)
	}
}

// begin returns no job for a command that has been answered.
func begin(crowd *crowd, line string) (string, job) {
	words := strings.SplitN(line, " ", 3)
	if len(words) != 3 {
		fail("not a command: " + line)
	}
	id, verb := words[0], words[1]
	var asked options
	if err := json.Unmarshal([]byte(words[2]), &asked); err != nil {
		fmt.Printf("error %s %s\n", id, err)
		return id, nil
	}
	now := time.Now().UnixNano()
	switch verb {
	case "connect":
		return id, newConnecting(crowd, asked, now)
	case "echo":
		return id, newEchoing(crowd, asked, now)
	case "publish":
		if len(crowd.open) == 0 {
			fmt.Printf("error %s nobody is connected\n", id)
			return id, nil
		}
		return id, newPublishing(crowd, asked, now)
	case "reset":
		crowd.room.reset()
		answer(id, map[string]int{})
	case "report":
		summary := crowd.room.summary()
		summary["clients"] = len(crowd.open)
		answer(id, summary)
	case "alive":
		answer(id, map[string]any{"open": len(crowd.open), "ended": crowd.ended})
	case "quit":
		crowd.leave()
		answer(id, map[string]int{})
		os.Exit(0)
	default:
		fmt.Printf("error %s unknown command %s\n", id, verb)
	}
	return id, nil
}

func answer(id string, result any) {
	text, err := json.Marshal(result)
	if err != nil {
		fail(err.Error())
	}
	fmt.Printf("reply %s %s\n", id, text)
}

func fail(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(1)
}
