package main

import (
	"bytes"
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

// ping sends so many echo requests of ICMP to a guest, over IPv4, and returns how many were answered.
func ping(address string, count int) (int, error) {
	const request, reply = 8, 0
	socket, err := net.ListenPacket("ip4:icmp", "0.0.0.0")
	if err != nil {
		return 0, err
	}
	defer socket.Close()
	back := 0
	buffer := make([]byte, 128)
	for number := range count {
		packet := []byte{request, 0, 0, 0, 0x76, 0x6d, byte(number >> 8), byte(number)}
		binary.BigEndian.PutUint16(packet[2:], checksum(packet))
		if _, err := socket.WriteTo(packet, &net.IPAddr{IP: net.ParseIP(address)}); err != nil {
			return back, err
		}
		_ = socket.SetReadDeadline(time.Now().Add(time.Second))
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				break
			}
			if n == len(packet) && from.String() == address && buffer[0] == reply && bytes.Equal(buffer[4:n], packet[4:]) {
				back++
				break
			}
		}
	}
	return back, nil
}

// checksum is the Internet's, of an even number of bytes.
func checksum(packet []byte) uint16 {
	var sum uint32
	for i := 0; i < len(packet); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	return ^uint16(sum + sum>>16)
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
