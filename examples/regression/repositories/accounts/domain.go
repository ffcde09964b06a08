package main

import "strings"

// Normalise makes mail addresses comparable.
func Normalise(value string) string {
	return strings.ToLower(strings.TrimSpace(value))
}

// Greeting greets by name.
func Greeting(value string) string {
	return strings.ToLower(strings.TrimSpace(value))
}
