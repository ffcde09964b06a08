"""Pure functions of a case, each looking for one mechanism: `base.py` is the contract, `runner.py` the list."""
