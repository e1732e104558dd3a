"""Where everything is kept: the embedded Postgres, the tables, and named SQL."""
