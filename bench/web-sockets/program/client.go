package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const (
	connecting = iota
	shaking
	open
)

// One connection. RFC 6455: its key is the example of section 1.3, and so is the answer to it.
type client struct {
	fd    int
	state int
	place int
	// When its message was due that is not answered yet; 0: there is none.
	askedAt int64
	// The part of a frame, or of the handshake's answer, that has come.
	rest []byte
}

const (
	key    = "dGhlIHNhbXBsZSBub25jZQ=="
	accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

	opText  = 0x1
	opBin   = 0x2
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xa
	final   = 0x80
	masked  = 0x80

	answerLimit = 16 * 1024
)

func requestFor(server *net.TCPAddr, path string) []byte {
	return []byte(fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", path, server, key))
}

// dial begins a connection. It reports a failure as onFailed, as any later one.
func (all *crowd) dial() {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		all.onFailed(err.Error())
		return
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if all.source != nil {
		syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, ipBindAddressNoPort, 1)
		if err := syscall.Bind(fd, addressOf(all.source, 0)); err != nil {
			syscall.Close(fd)
			all.onFailed("bind: " + err.Error())
			return
		}
	}
	err = syscall.Connect(fd, addressOf(all.server.IP.To4(), all.server.Port))
	if err != nil && err != syscall.EINPROGRESS {
		syscall.Close(fd)
		all.onFailed(err.Error())
		return
	}
	all.add(&client{fd: fd})
}

func addressOf(ip net.IP, port int) *syscall.SockaddrInet4 {
	address := &syscall.SockaddrInet4{Port: port}
	copy(address.Addr[:], ip)
	return address
}

func (all *crowd) connected(client *client) {
	if code, err := syscall.GetsockoptInt(client.fd, syscall.SOL_SOCKET, syscall.SO_ERROR); err != nil || code != 0 {
		all.end(client, syscall.Errno(code).Error())
		return
	}
	client.state = shaking
	all.watch(client.fd, syscall.EPOLLIN)
	all.write(client, all.handshake)
}

// write sends a few bytes at once. A server that does not even read these ends the connection: nothing is kept for later here.
func (all *crowd) write(client *client, data []byte) bool {
	count, err := syscall.Write(client.fd, data)
	if err != nil {
		all.end(client, "write: "+err.Error())
		return false
	}
	if count != len(data) {
		all.end(client, "write: the server does not read")
		return false
	}
	return true
}

// send sends one frame. Its mask is zero, which is one of the masks that there are and costs nothing.
func (all *crowd) send(client *client, opcode byte, payload []byte) bool {
	if len(payload) > 125 {
		fail("the frame is too long: " + strconv.Itoa(len(payload)))
	}
	frame := make([]byte, 0, 6+len(payload))
	frame = append(frame, final|opcode, masked|byte(len(payload)), 0, 0, 0, 0)
	return all.write(client, append(frame, payload...))
}

func (all *crowd) received(client *client, data []byte, now int64) {
	if len(client.rest) > 0 {
		data = append(client.rest, data...)
		client.rest = nil
	}
	if client.state == shaking {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		switch {
		case end == -1 && len(data) > answerLimit:
			all.end(client, "handshake: no end of the head")
			return
		case end == -1:
			client.rest = append([]byte(nil), data...)
			return
		case !bytes.HasPrefix(data, []byte("HTTP/1.1 101 ")):
			line, _, _ := bytes.Cut(data, []byte("\r\n"))
			all.end(client, "handshake: "+string(line))
			return
		case !bytes.Contains(data[:end], []byte(accept)):
			all.end(client, "handshake: wrong Sec-WebSocket-Accept")
			return
		}
		data = data[end+4:]
		all.opened(client)
	}
	all.frames(client, data, now)
}

// frames handles each whole frame, and keeps the rest.
func (all *crowd) frames(client *client, data []byte, now int64) {
	for len(data) >= 2 {
		head, length := 2, int(data[1])
		switch {
		case length >= masked:
			all.end(client, "protocol: a masked frame")
			return
		case length == 126 && len(data) >= 4:
			head, length = 4, int(binary.BigEndian.Uint16(data[2:]))
		case length == 127:
			all.end(client, "protocol: a frame of over 64 KiB")
			return
		case length == 126:
			length = len(data)
		}
		if len(data) < head+length {
			break
		}
		if !all.frame(client, data[0], data[head:head+length], now) {
			return
		}
		data = data[head+length:]
	}
	if len(data) > 0 {
		client.rest = append([]byte(nil), data...)
	}
}

// frame says whether the connection is still there.
func (all *crowd) frame(client *client, first byte, payload []byte, now int64) bool {
	switch first {
	case final | opText, final | opBin:
		if sequence, sentAt, ok := parseRoom(payload); ok {
			all.room.add(now, now-sentAt)
			all.onRoom(sequence)
		} else if client.askedAt != 0 {
			all.onEcho(client, now)
		}
		return true
	case final | opPing:
		return all.send(client, opPong, payload)
	case final | opPong:
		return true
	case final | opClose:
		code := "1005"
		if len(payload) >= 2 {
			code = strconv.Itoa(int(binary.BigEndian.Uint16(payload)))
		}
		all.end(client, code)
		return false
	}
	all.end(client, fmt.Sprintf("protocol: a frame that begins with %#x", first))
	return false
}
