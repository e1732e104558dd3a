"""Gates in notebooks: the review card, and how requests, records, threads and boundaries are shown."""
