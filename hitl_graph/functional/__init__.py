"""Gates in the functional API: a review inside `@entrypoint` and `@task`."""
