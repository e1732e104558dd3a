-- What the desk asks and says. `seq` is the order in which cases came; a page continues after the last one's.

-- name: list_cases
-- One page of cases, oldest first. A parameter that is null does not filter.
SELECT r.*, d.type AS decision_type, d.decision, d.by, d.via, d.decided_at,
       extract(epoch FROM coalesce(d.decided_at, now()) - r.asked_at)::float8 AS waited_s
FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
WHERE (%(status)s::text IS NULL OR r.status = %(status)s)
  AND (%(owner)s::text IS NULL OR r.owner = %(owner)s)
  AND (%(gate)s::text IS NULL OR r.gate = %(gate)s)
  AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
  AND (%(action)s::text IS NULL OR r.action = %(action)s)
  AND (%(workflow)s::text IS NULL OR r.workflow = %(workflow)s)
  AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
  AND r.seq > %(after)s
ORDER BY r.seq
LIMIT %(limit)s;

-- name: list_pending
-- The same for pending cases, in words that use the queue's own index.
SELECT r.*, NULL AS decision_type, NULL::json AS decision, NULL AS by, NULL AS via, NULL::timestamptz AS decided_at,
       extract(epoch FROM now() - r.asked_at)::float8 AS waited_s
FROM hitl.reviews r
WHERE r.status = 'pending'
  AND (%(owner)s::text IS NULL OR r.owner = %(owner)s)
  AND (%(gate)s::text IS NULL OR r.gate = %(gate)s)
  AND (%(kind)s::text IS NULL OR r.kind = %(kind)s)
  AND (%(action)s::text IS NULL OR r.action = %(action)s)
  AND (%(workflow)s::text IS NULL OR r.workflow = %(workflow)s)
  AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
  AND r.seq > %(after)s
ORDER BY r.seq
LIMIT %(limit)s;

-- name: find_case
-- The case with this id, in one thread or in all.
SELECT r.*, d.type AS decision_type, d.decision, d.by, d.via, d.decided_at,
       extract(epoch FROM coalesce(d.decided_at, now()) - r.asked_at)::float8 AS waited_s
FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
WHERE r.id = %(id)s AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
ORDER BY r.seq
LIMIT 20;

-- name: ids_like
-- Ids that begin so, for people who type the first characters.
SELECT DISTINCT id FROM hitl.reviews WHERE id LIKE %(prefix)s || '%%' ORDER BY id LIMIT 3;

-- name: decide
-- Compare-and-set: takes effect only while the case is pending and what was shown is what stands there.
WITH decided AS (
    UPDATE hitl.reviews SET status = 'decided', error = NULL
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending' AND digest = %(digest)s
    RETURNING thread_id, id, asked_at
), kept AS (
    INSERT INTO hitl.decisions (thread_id, review_id, type, decision, by, via, digest)
    SELECT thread_id, id, %(type)s, %(decision)s::json, %(by)s, %(via)s, %(digest)s FROM decided
    RETURNING decided_at
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'decided', thread_id, id,
           json_build_object('by', %(by)s::text, 'digest', %(digest)s::text, 'decision', %(decision)s::json)
    FROM decided
)
SELECT kept.decided_at FROM kept;

-- name: decided_threads
-- Threads with decisions that have not reached them, oldest decision first, and those that a process has begun to resume
-- and not finished: it may have died.
SELECT r.thread_id, min(d.decided_at) AS first, array_agg(DISTINCT r.node) AS nodes,
       bool_or(r.status = 'decided') AS decided, bool_and(r.workflow IS NOT NULL) AS named
FROM hitl.reviews r
JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
LEFT JOIN hitl.runs u ON u.thread_id = r.thread_id
WHERE (r.status = 'decided' OR r.id = ANY (u.reviews))
  AND (%(thread_ids)s::text[] IS NULL OR r.thread_id = ANY (%(thread_ids)s))
  AND (r.workflow IS NULL OR %(workflow)s::text IS NULL OR r.workflow = %(workflow)s)
GROUP BY r.thread_id
ORDER BY first
LIMIT %(limit)s;

-- name: begin_run
INSERT INTO hitl.runs (thread_id, reviews) VALUES (%(thread_id)s, %(ids)s)
ON CONFLICT (thread_id) DO UPDATE SET reviews = excluded.reviews, started_at = now();

-- name: end_run
DELETE FROM hitl.runs WHERE thread_id = %(thread_id)s;

-- name: take_over_run
-- The process that was resuming this thread is gone: what its reviews were given goes to the thread once more.
WITH left_over AS (
    UPDATE hitl.reviews r SET status = 'decided'
    FROM hitl.runs u
    WHERE u.thread_id = %(thread_id)s AND r.thread_id = u.thread_id AND r.id = ANY (u.reviews) AND r.status = 'applied'
    RETURNING r.thread_id, r.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'retried', thread_id, id, json_build_object('because', 'the process that resumed it has ended') FROM left_over;

-- name: unfinished_runs
-- Threads that some process is resuming, or was when it died.
SELECT thread_id, started_at FROM hitl.runs ORDER BY started_at;

-- name: try_lock_thread
SELECT pg_try_advisory_lock(hashtextextended('hitl:' || %(thread_id)s, 0)) AS got;

-- name: decided_answers
-- What one thread is to be told.
-- `taken`: the gate had the answer before the thread failed, so that it only needs to go on.
SELECT r.id, r.closed_at IS NOT NULL AS taken, r.shape, r.payload, r.response_schema, r.digest, r.asked_at,
       d.decision, d.by, d.via, d.decided_at, extract(epoch FROM d.decided_at - r.asked_at)::float8 AS waited_s
FROM hitl.reviews r JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
WHERE r.thread_id = %(thread_id)s AND r.status = 'decided'
ORDER BY r.seq;

-- name: lock_thread
-- One run per thread at a time, among all processes; the lock goes with the connection.
SELECT pg_advisory_lock(hashtextextended('hitl:' || %(thread_id)s, 0));

-- name: unlock_thread
SELECT pg_advisory_unlock(hashtextextended('hitl:' || %(thread_id)s, 0));

-- name: reopen
-- The gate refused the answer and nothing of it was saved: the case can be answered again, with the reason beside it.
WITH reopened AS (
    UPDATE hitl.reviews SET status = 'pending', error = %(error)s
    WHERE thread_id = %(thread_id)s AND id = ANY (%(ids)s) AND status = 'decided'
    RETURNING thread_id, id
), void AS (
    DELETE FROM hitl.decisions d USING reopened o WHERE d.thread_id = o.thread_id AND d.review_id = o.id
    RETURNING d.thread_id, d.review_id, d.decision
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'refused', thread_id, review_id, json_build_object('error', %(error)s::text, 'decision', decision) FROM void;

-- name: fail
-- The graph raised, at the gate or after it, or did not take the answer: the decision stands, and a person must look.
WITH failed AS (
    UPDATE hitl.reviews SET status = 'failed', error = %(error)s
    WHERE thread_id = %(thread_id)s AND id = ANY (%(ids)s) AND status IN ('decided', 'applied')
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'failed', thread_id, id, json_build_object('error', %(error)s::text) FROM failed;

-- name: went_on
-- A thread that had failed after the answer has gone on.
WITH done AS (
    UPDATE hitl.reviews SET status = 'applied', error = NULL
    WHERE thread_id = %(thread_id)s AND id = ANY (%(ids)s) AND status = 'decided'
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data) SELECT 'applied', thread_id, id, '{}' FROM done;

-- name: retry
-- A failed case is put back among the decided, to be handed to its thread once more.
WITH again AS (
    UPDATE hitl.reviews SET status = 'decided', error = NULL
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'failed'
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'retried', thread_id, id, json_build_object('by', %(by)s::text) FROM again RETURNING review_id;

-- name: still_decided
SELECT id FROM hitl.reviews WHERE thread_id = %(thread_id)s AND id = ANY (%(ids)s) AND status = 'decided';

-- name: events
-- What happened to one case, in order.
SELECT id, at, type, data FROM hitl.events WHERE thread_id = %(thread_id)s AND review_id = %(id)s ORDER BY id;

-- name: counts
-- How many cases stand where.
SELECT status, gate, owner, count(*) AS cases, min(asked_at) AS oldest
FROM hitl.reviews
WHERE (%(workflow)s::text IS NULL OR workflow = %(workflow)s)
GROUP BY status, gate, owner ORDER BY status, gate, owner;
