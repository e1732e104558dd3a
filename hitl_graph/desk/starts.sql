-- First runs: asked for at the desk, made by a worker.

-- name: lock_start
-- Of those who start one thread at the same time, one comes first.
SELECT pg_advisory_xact_lock(hashtextextended('hitl-start:' || %(thread_id)s, 0));

-- name: in_the_way
-- Why new input would come in the way of something; no row when nothing is there.
SELECT coalesce(
    (SELECT 'is started by ' || s.by || ' already' FROM hitl.starts s
     WHERE s.thread_id = %(thread_id)s AND s.status IN ('queued', 'running') ORDER BY s.id LIMIT 1),
    hitl.busy(%(thread_id)s)) AS why;

-- name: put
-- The start, its job and its event are there together or not at all.
WITH put AS (
    INSERT INTO hitl.starts (thread_id, workflow, input, config, by)
    VALUES (%(thread_id)s, %(workflow)s, %(input)s::json, %(config)s::json, %(by)s)
    RETURNING *
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'start_asked', thread_id, '', json_build_object('by', by, 'workflow', workflow, 'start', id) FROM put
), job AS (
    SELECT hitl.enqueue_start(thread_id, workflow) FROM put
)
SELECT put.* FROM put, job;

-- name: list
-- Newest first. A parameter that is null does not filter.
SELECT * FROM hitl.starts
WHERE (%(thread_id)s::text IS NULL OR thread_id = %(thread_id)s)
  AND (%(status)s::text IS NULL OR status = %(status)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: next
-- What the thread is to be started with now: a run that was begun and not finished, else the oldest that waits.
SELECT *, hitl.held(thread_id, workflow, NULL) AS held FROM hitl.starts
WHERE thread_id = %(thread_id)s AND status IN ('queued', 'running')
ORDER BY status = 'running' DESC, id LIMIT 1;

-- name: begin
-- Within the thread's lease, and only where nothing is in the way. `went`: the input is in the thread already, and the
-- run goes on from there.
WITH begun AS (
    UPDATE hitl.starts SET status = 'running', attempts = attempts + 1, started_at = coalesce(started_at, now())
    WHERE id = %(id)s AND (status = 'running' OR (status = 'queued' AND NOT EXISTS (
        SELECT FROM hitl.reviews r
        WHERE r.thread_id = %(thread_id)s AND r.status IN ('pending', 'decided', 'failed'))))
    RETURNING *
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT CASE attempts WHEN 1 THEN 'start_begun' ELSE 'start_taken_up' END, thread_id, '',
           json_build_object('by', by, 'start', id, 'attempt', attempts) FROM begun
)
SELECT begun.*, EXISTS (
    SELECT FROM checkpoints c
    WHERE c.thread_id = begun.thread_id AND c.checkpoint_ns = '' AND c.metadata ->> 'hitl_start' = begun.id::text) AS went
FROM begun;

-- name: finish
WITH finished AS (
    UPDATE hitl.starts SET status = %(status)s, error = %(error)s, finished_at = now()
    WHERE id = %(id)s AND status = 'running' RETURNING *
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'start_' || status, thread_id, '', json_build_object('by', by, 'start', id, 'error', %(raised)s::text) FROM finished;

-- name: retry
-- A run that raised goes on from its last checkpoint.
WITH again AS (
    UPDATE hitl.starts SET status = 'queued', error = NULL, finished_at = NULL
    WHERE id = %(id)s AND status = 'failed' RETURNING *
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'start_retried', thread_id, '', json_build_object('by', %(by)s::text, 'start', id) FROM again
), job AS (
    SELECT hitl.enqueue_start(thread_id, workflow) FROM again
)
SELECT again.* FROM again, job;
