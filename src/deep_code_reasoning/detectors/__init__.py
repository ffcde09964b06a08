"""Pure functions of a case, each looking for one mechanism. See `base.py` for the contract, `runner.py` for the list."""
