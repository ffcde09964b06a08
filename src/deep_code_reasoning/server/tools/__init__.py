"""One file a tool: its words, its arguments, and a few lines that call a use case."""
