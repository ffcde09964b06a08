"""The nouns of the field as frozen dataclasses: standard library only, no I/O."""
