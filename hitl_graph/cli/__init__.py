"""The command line `hitl-graph`: one file for each command."""
