"""LangGraph's own behaviour that this library relies on: an upgrade that changes a fact fails here first."""
