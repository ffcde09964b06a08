"""A coding agent's side of the protocol, for tests: a real client, the real server process."""
