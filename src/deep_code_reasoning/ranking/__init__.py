"""From findings and the service graph to ranked causes: localise (where, how), attribute (which change), judge."""
