-- A thread that a process is resuming, and the reviews that it was given. A row that outlives its process tells that
-- the thread may stand in the middle of its work.
CREATE TABLE hitl.runs (
    thread_id  text PRIMARY KEY,
    reviews    text[] NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
);
