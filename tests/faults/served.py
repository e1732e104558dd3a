"""The graphs that worker processes of these tests are given by name."""

from .graphs import letters

__all__ = ["three"]

three = letters(3).compile(name="three")
"""Three letters, reviewed side by side, and an end that waits for all of them."""
