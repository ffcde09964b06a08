"""`python -m deep_code_reasoning` is `dcr`."""

from .cli.main import main

main()
