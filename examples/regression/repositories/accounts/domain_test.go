package main

import "testing"

func TestPort(t *testing.T) {
	if HttpPort <= 0 {
		t.Fatal("no port")
	}
}
