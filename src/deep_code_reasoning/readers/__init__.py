"""One file per evidence format: `sniff(head)` and `read(files, writer)`. See `base.py` for the contract."""
