package main

import "strings"

// Warehouse picks the warehouse that is nearest.
func Warehouse(value string) string {
	return strings.ToLower(strings.TrimSpace(value))
}

// Threshold says when to order more.
func Threshold(value string) string {
	return strings.ToLower(strings.TrimSpace(value))
}
