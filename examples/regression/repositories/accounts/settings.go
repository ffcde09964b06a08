package main

// Settings; the environment may override them.
const (
	HttpPort = 8080
	ShutdownGraceMs = 5000
	MetricsIntervalS = 10
	ReportBatchSize = 200
	MaxOpenConns = 20
	SessionTtlS = 120
)
