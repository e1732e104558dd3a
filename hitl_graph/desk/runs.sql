-- One run of a thread at a time: a lease with a token that only grows.

-- name: acquire_run
-- The thread is free, or its lease has lapsed, or the connection that its holder held is gone. A run that ended without
-- saying so has left its reviews there. Whoever has the lease holds a lock of its token, from before it is committed.
INSERT INTO hitl.runs AS u (thread_id, token, holder, lease_until)
VALUES (%(thread_id)s, nextval('hitl.run_tokens'), %(holder)s, now() + make_interval(secs => %(lease_s)s))
ON CONFLICT (tenant, thread_id) DO UPDATE SET
    token = excluded.token, holder = excluded.holder, started_at = now(), lease_until = excluded.lease_until,
    error = NULL, stood_at = NULL,
    broken_off = u.broken_off OR u.holder IS NOT NULL
    WHERE u.holder IS NULL OR u.lease_until < now()
       OR pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0))
RETURNING token, reviews, broken_off;

-- name: show_alive
SELECT pg_advisory_lock(hashtextextended('hitl-run:' || %(token)s::text, 0));

-- name: hide_alive
SELECT pg_advisory_unlock(hashtextextended('hitl-run:' || %(token)s::text, 0));

-- name: renew_run
UPDATE hitl.runs SET lease_until = now() + make_interval(secs => %(lease_s)s)
WHERE thread_id = %(thread_id)s AND token = %(token)s RETURNING token;

-- name: check_fence
SELECT hitl.check_fence(%(thread_id)s, %(token)s);

-- name: note_reviews
-- What the run is given: whoever takes it over gives it once more.
UPDATE hitl.runs SET reviews = %(ids)s WHERE thread_id = %(thread_id)s AND token = %(token)s;

-- name: end_run
UPDATE hitl.runs SET holder = NULL, reviews = '{}', broken_off = false WHERE thread_id = %(thread_id)s AND token = %(token)s;

-- name: take_up
-- The process that was resuming this thread is gone: what its reviews were given goes to the thread once more.
WITH left_over AS (
    UPDATE hitl.reviews r SET status = 'decided'
    WHERE r.thread_id = %(thread_id)s AND r.id = ANY (%(ids)s) AND r.status = 'applied'
    RETURNING r.thread_id, r.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'retried', thread_id, id, json_build_object('because', 'the process that resumed it has ended') FROM left_over;

-- name: unfinished_runs
-- Threads that some process is running, or was when it died.
SELECT thread_id, holder, started_at FROM hitl.runs WHERE holder IS NOT NULL ORDER BY started_at;

-- name: broken_off
-- Of these threads, those whose run did not come to its end and whose holder is gone.
SELECT thread_id FROM hitl.runs
WHERE thread_id = ANY (%(thread_ids)s::text[]) AND (holder IS NOT NULL OR broken_off)
  AND (holder IS NULL OR lease_until < now()
       OR pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || token, 0)))
  AND hitl.held(thread_id, NULL, NULL) IS NULL
ORDER BY thread_id;

-- name: decided_threads
-- Threads with decisions that have not reached them, oldest decision first, and those that a process has begun to resume
-- and not finished: it may have died. What is held waits.
SELECT r.thread_id, min(d.decided_at) AS first, array_agg(DISTINCT r.node) AS nodes,
       bool_or(r.status = 'decided') AS decided, bool_and(r.workflow IS NOT NULL) AS named
FROM hitl.reviews r
JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
LEFT JOIN hitl.runs u ON u.thread_id = r.thread_id AND u.holder IS NOT NULL
WHERE ((r.status = 'decided' AND d.dispatch_at <= now()) OR r.id = ANY (u.reviews))
  AND (%(thread_ids)s::text[] IS NULL OR r.thread_id = ANY (%(thread_ids)s))
  AND (r.workflow IS NULL OR %(workflow)s::text IS NULL OR r.workflow = %(workflow)s)
  AND hitl.held(r.thread_id, r.workflow, NULL) IS NULL
GROUP BY r.thread_id
ORDER BY first
LIMIT %(limit)s;

-- name: take_answers
-- What one thread is to be told now. From here on none of it can be taken back. One whose checkpoints are gone is told
-- nothing: LangGraph would begin it anew.
-- `taken`: the gate had the answer before the thread failed, so that it only needs to go on.
WITH told AS (
    UPDATE hitl.decisions d SET dispatched_at = coalesce(d.dispatched_at, now())
    FROM hitl.reviews r
    WHERE r.thread_id = %(thread_id)s AND r.status = 'decided' AND d.thread_id = r.thread_id AND d.review_id = r.id
      AND (d.dispatch_at <= now() OR d.dispatched_at IS NOT NULL)
      AND hitl.held(r.thread_id, r.workflow, NULL) IS NULL
      AND EXISTS (SELECT FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = '')
    RETURNING d.*
)
SELECT r.id, r.closed_at IS NOT NULL AS taken, r.shape, r.payload, r.response_schema, r.digest, r.asked_at,
       d.decision, d.by, d.via, d.decided_at, extract(epoch FROM d.decided_at - r.asked_at)::float8 AS waited_s
FROM told d JOIN hitl.reviews r ON r.thread_id = d.thread_id AND r.id = d.review_id
ORDER BY r.seq;
