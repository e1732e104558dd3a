"""`python -m hitl_graph`, the same as `hitl-graph`."""

from hitl_graph.cli.app import main

if __name__ == "__main__":
    main()
