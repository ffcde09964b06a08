"""The MCP server: what a coding agent sees. The only importer of the protocol's SDK."""
