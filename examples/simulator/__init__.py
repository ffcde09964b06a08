"""A simulated system of ten services that writes OpenTelemetry evidence of an incident, with the true answer beside it.

It is a discrete-event model: queues, pools, locks, clocks and retries are simulated, and what goes wrong follows from
them. It uses the standard library only and shares no code with the analysis.
"""
