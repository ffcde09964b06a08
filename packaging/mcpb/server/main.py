"""Entry point of the bundle: the server over stdio."""

from deep_code_reasoning.server.serve import serve_stdio

if __name__ == "__main__":
    serve_stdio()
