-- The ledger of acts: a row before, its result after.

-- name: try_lock_effect
-- One process does an act at a time; the lock goes with the connection, and so with the process. `holder`: who has begun it.
SELECT pg_try_advisory_lock(hashtextextended('hitl-effect:' || %(key)s, 0)) AS got,
       (SELECT e.holder FROM hitl.effects e WHERE e.key = %(key)s) AS holder;

-- name: unlock_effect
SELECT pg_advisory_unlock(hashtextextended('hitl-effect:' || %(key)s, 0));

-- name: check_fence
SELECT hitl.check_fence(%(thread_id)s, %(token)s);

-- name: begin_effect
SELECT * FROM hitl.begin_effect(
    %(key)s, %(thread_id)s, %(review)s, %(workflow)s, %(action)s, %(digest)s, %(by)s, %(node)s, %(judged_at)s::timestamptz,
    %(idempotent)s, %(standing)s, %(holder)s);

-- name: finish_effect
-- It was done. That counts also when the run was taken over meanwhile and the outcome was taken for unknown.
WITH done AS (
    UPDATE hitl.effects SET status = 'done', result_type = %(result_type)s, result = %(result)s, error = NULL,
        finished_at = now()
    WHERE key = %(key)s AND attempt = %(attempt)s AND status IN ('started', 'unknown')
    RETURNING key, thread_id, review_id, action, attempt
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'effect_done', thread_id, coalesce(review_id, ''),
       json_build_object('key', key, 'action', action, 'attempt', attempt) FROM done;

-- name: fail_effect
-- It raised: certainly not done, or nobody knows. Why stands with the act; the event, which is kept, names the kind.
WITH failed AS (
    UPDATE hitl.effects SET status = %(status)s, error = %(error)s, finished_at = now()
    WHERE key = %(key)s AND attempt = %(attempt)s AND status = 'started'
    RETURNING key, thread_id, review_id, action, attempt, status
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT CASE status WHEN 'unknown' THEN 'effect_unknown' ELSE 'effect_not_done' END, thread_id, coalesce(review_id, ''),
       json_build_object('key', key, 'action', action, 'attempt', attempt, 'because', %(kind)s::text) FROM failed;
