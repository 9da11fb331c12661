// A server that does nothing: it answers each request, known by the end of its head, with the same bytes. It is faster than any
// load generator of bench:tune.
package main

import (
	"bytes"
	"fmt"
	"net"
)

var answer = []byte("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 13\r\n\r\nHello, World!")

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go func() {
			b := make([]byte, 4096)
			for {
				n, err := c.Read(b)
				if err != nil {
					c.Close()
					return
				}
				for k := bytes.Count(b[:n], []byte("\r\n\r\n")); k > 0; k-- {
					if _, err := c.Write(answer); err != nil {
						c.Close()
						return
					}
				}
			}
		}()
	}
}
