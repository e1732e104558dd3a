-- What the desk asks and says. `seq` is the order in which cases came; a page continues after the last one's.

-- name: list_cases
-- One page of cases, oldest first. A parameter that is null does not filter.
SELECT r.*, CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by,
       hitl.votes_of(r.thread_id, r.id, r.digest, r.approvals) AS votes,
       d.type AS decision_type, d.decision, d.by, d.via, d.decided_at, d.identity, d.final_digest, d.dispatch_at,
       d.dispatched_at,
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
SELECT r.*, CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by,
       hitl.votes_of(r.thread_id, r.id, r.digest, r.approvals) AS votes,
       NULL AS decision_type, NULL::json AS decision, NULL AS by, NULL AS via, NULL::timestamptz AS decided_at,
       extract(epoch FROM now() - r.asked_at)::float8 AS waited_s
FROM hitl.reviews r
WHERE r.status = 'pending' AND (%(snoozed)s OR r.snoozed_until IS NULL OR r.snoozed_until <= now())
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
SELECT r.*, CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by,
       hitl.votes_of(r.thread_id, r.id, r.digest, r.approvals) AS votes,
       d.type AS decision_type, d.decision, d.by, d.via, d.decided_at, d.identity, d.final_digest, d.dispatch_at,
       d.dispatched_at,
       extract(epoch FROM coalesce(d.decided_at, now()) - r.asked_at)::float8 AS waited_s
FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
WHERE r.id = %(id)s AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
ORDER BY r.seq
LIMIT 20;

-- name: ids_like
-- Ids that begin so, for people who type the first characters.
SELECT DISTINCT id FROM hitl.reviews WHERE id LIKE %(prefix)s || '%%' ORDER BY id LIMIT 3;

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
-- The event keeps no more than the error's class: its text may quote the draft, and the log is kept for ever.
WITH failed AS (
    UPDATE hitl.reviews SET status = 'failed', error = %(error)s
    WHERE thread_id = %(thread_id)s AND id = ANY (%(ids)s) AND status IN ('decided', 'applied')
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'failed', thread_id, id, json_build_object('error', %(raised)s::text) FROM failed;

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

-- name: refused_attempt
-- Somebody tried what they may not, or what cannot be done.
INSERT INTO hitl.events (type, thread_id, review_id, data)
VALUES ('refused_attempt', %(thread_id)s, %(review_id)s, %(data)s::json);
