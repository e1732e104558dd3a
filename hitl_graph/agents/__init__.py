"""Gates for agents: tools that ask, and middleware for `create_agent`."""
