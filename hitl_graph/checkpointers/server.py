"""The saver as `langgraph dev` and an Agent Server load it: named in `langgraph.json` as `checkpointer.path`.

```json
{"checkpointer": {"path": "hitl_graph.checkpointers.server.checkpointer"}}
```
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from hitl_graph.checkpointers.async_saver import AsyncReviewSaver
from hitl_graph.checkpointers.open import open_checkpointer

__all__ = ["checkpointer"]


@contextlib.asynccontextmanager
async def checkpointer() -> AsyncIterator[AsyncReviewSaver]:
    """The async saver on `HITL_DATABASE_URL`, or else on the embedded Postgres.

    The server enters it once for each of its event loops, so that every loop has a pool of its own.

    Raises:
        EmbeddedPostgresError: The embedded server could not be started.
        MigrationError: The tables are newer than this library.
        psycopg.OperationalError: The server that is named cannot be reached.
    """
    async with open_checkpointer() as saver:
        yield saver
