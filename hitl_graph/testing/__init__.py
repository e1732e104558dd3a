"""For tests of graphs with gates: databases that are fast, fresh and thrown away."""
