package main

import (
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// The clients of this process, and the loop that reads for them.
type crowd struct {
	server    *net.TCPAddr
	source    net.IP
	handshake []byte
	epoll     int
	events    []syscall.EpollEvent
	buffer    []byte
	// By descriptor; nil where there is none.
	clients []*client
	// Those whose handshake is done, in no order: a client knows its place.
	open []*client
	// How the others ended: a close code, an error, "cut" without a close frame.
	ended map[string]int
	room  *tally
	// Rest after each look at the sockets, so that the next one finds many that are ready: being woken for each message costs
	// more than to read it, here and in the server. Latencies are up to so much too long.
	rest time.Duration
	// Set by the job that waits for them.
	onOpen   func(*client)
	onFailed func(why string)
	onEcho   func(*client, int64)
	onClosed func(*client)
	onRoom   func(sequence int64)
}

const (
	eventsAtOnce = 1024
	readBytes    = 64 * 1024
	// ip(7): the port is chosen at connect(2), so that it need only be free towards this server. The syscall package lacks it.
	ipBindAddressNoPort = 24
)

func newCrowd(server *net.TCPAddr, path string) *crowd {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		fail("epoll: " + err.Error())
	}
	return &crowd{
		server:    server,
		handshake: requestFor(server, path),
		epoll:     epoll,
		events:    make([]syscall.EpollEvent, eventsAtOnce),
		buffer:    make([]byte, readBytes),
		ended:     map[string]int{},
		room:      newTally(),
		onOpen:    func(*client) {},
		onFailed:  func(string) {},
		onEcho:    func(*client, int64) {},
		onClosed:  func(*client) {},
		onRoom:    func(int64) {},
	}
}

func (all *crowd) watch(fd int, events uint32) {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	err := syscall.EpollCtl(all.epoll, syscall.EPOLL_CTL_ADD, fd, &event)
	if err == syscall.EEXIST {
		err = syscall.EpollCtl(all.epoll, syscall.EPOLL_CTL_MOD, fd, &event)
	}
	if err != nil {
		fail("epoll: " + err.Error())
	}
}

// poll serves what is ready, and returns what has come on stdin.
func (all *crowd) poll(waitMs int64) string {
	if waitMs < 0 {
		waitMs = 0
	}
	if waitMs > longestWaitMs {
		waitMs = longestWaitMs
	}
	count, err := syscall.EpollWait(all.epoll, all.events, int(waitMs))
	if err != nil && err != syscall.EINTR {
		fail("epoll: " + err.Error())
	}
	input := ""
	for index := 0; index < count; index++ {
		fd := int(all.events[index].Fd)
		if fd == 0 {
			input += all.readInput()
		} else if client := all.clients[fd]; client != nil {
			all.serve(client, all.events[index].Events)
		}
	}
	if count > 0 && all.rest > 0 {
		time.Sleep(all.rest)
	}
	return input
}

func (all *crowd) readInput() string {
	count, err := all.read(0)
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return ""
	}
	if err != 0 || count == 0 {
		os.Exit(0)
	}
	return string(all.buffer[:count])
}

func (all *crowd) serve(client *client, events uint32) {
	if client.state == connecting {
		if events&(syscall.EPOLLOUT|syscall.EPOLLERR|syscall.EPOLLHUP) != 0 {
			all.connected(client)
		}
		return
	}
	count, err := all.read(client.fd)
	now := time.Now().UnixNano()
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
	case err != 0:
		all.end(client, err.Error())
	case count == 0:
		all.end(client, "cut")
	default:
		all.received(client, all.buffer[:count], now)
	}
}

// read makes the system call without telling Go's scheduler: the descriptor never blocks, and there is nothing else to schedule.
func (all *crowd) read(fd int) (int, syscall.Errno) {
	count, _, err := syscall.RawSyscall(
		syscall.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&all.buffer[0])), uintptr(len(all.buffer)))
	return int(count), err
}

func (all *crowd) add(client *client) {
	for len(all.clients) <= client.fd {
		all.clients = append(all.clients, nil)
	}
	all.clients[client.fd] = client
	all.watch(client.fd, syscall.EPOLLOUT)
}

func (all *crowd) opened(client *client) {
	client.state = open
	client.place = len(all.open)
	all.open = append(all.open, client)
	all.onOpen(client)
}

// end closes a client's connection. `why` is counted.
func (all *crowd) end(client *client, why string) {
	all.clients[client.fd] = nil
	syscall.Close(client.fd)
	if client.state != open {
		all.onFailed(why)
		return
	}
	last := all.open[len(all.open)-1]
	all.open[client.place] = last
	last.place = client.place
	all.open = all.open[:len(all.open)-1]
	all.ended[why]++
	all.onClosed(client)
}

// leave resets all connections: an orderly end of so many would leave the machine with their TIME-WAITs for a minute.
func (all *crowd) leave() {
	for _, client := range all.open {
		syscall.SetsockoptLinger(client.fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1, Linger: 0})
		syscall.Close(client.fd)
	}
	all.open = nil
}
