"""When did it begin, and who calls whom: what every detector needs to know first."""
