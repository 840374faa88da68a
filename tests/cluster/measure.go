package main

import (
	"encoding/binary"
	"net"
	"time"
)

// probe sends so many numbered datagrams to a guest's echo service, one after the other, and returns how many came back.
func probe(address string, count int) int {
	connection, err := net.Dial("udp", net.JoinHostPort(address, "7"))
	if err != nil {
		return 0
	}
	defer connection.Close()
	back := 0
	buffer := make([]byte, 64)
	for number := range count {
		sent := time.Now()
		packet := binary.BigEndian.AppendUint32(nil, uint32(number))
		if _, err := connection.Write(packet); err != nil {
			continue
		}
		_ = connection.SetReadDeadline(sent.Add(2 * time.Second))
		for {
			n, err := connection.Read(buffer)
			if err != nil {
				break
			}
			if n == 4 && binary.BigEndian.Uint32(buffer) == uint32(number) {
				back++
				break
			}
		}
	}
	return back
}

// transfer is how long a guest takes to echo so many bytes over TCP.
func transfer(address string, bytes int) (time.Duration, error) {
	connection, err := net.DialTimeout("tcp", net.JoinHostPort(address, "5201"), 10*time.Second)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	began := time.Now()
	failed := make(chan error, 1)
	go func() {
		_, err := connection.Write(make([]byte, bytes))
		failed <- err
	}()
	buffer := make([]byte, 64<<10)
	for got := 0; got < bytes; {
		n, err := connection.Read(buffer)
		if err != nil {
			return 0, err
		}
		got += n
	}
	return time.Since(began), <-failed
}

// answers asks a guest's echo service once.
func answers(address string) bool {
	connection, err := net.Dial("udp", net.JoinHostPort(address, "7"))
	if err != nil {
		return false
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(300 * time.Millisecond))
	if _, err := connection.Write([]byte("?")); err != nil {
		return false
	}
	_, err = connection.Read(make([]byte, 8))
	return err == nil
}
