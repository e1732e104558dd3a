-- Planning what happens to a case that nobody decides, and doing it. A case's timers are touched only by who holds its
-- row locked; whoever else comes at the same time skips the case.

-- name: take_unplanned
-- A case whose deadlines are still to be planned, locked.
SELECT r.thread_id, r.id, r.payload, r.shape, r.digest, r.timed_from, r.due_at, now() AS now
FROM hitl.reviews r
WHERE r.status = 'pending' AND r.deadlines = 'unplanned'
ORDER BY r.seq LIMIT 1
FOR UPDATE OF r SKIP LOCKED;

-- name: set_planned
-- The timers before it were of another plan.
WITH old AS (
    UPDATE hitl.timers SET done_at = now(), outcome = 'replaced'
    WHERE thread_id = %(thread_id)s AND review_id = %(id)s AND done_at IS NULL
)
UPDATE hitl.reviews SET deadlines = 'planned', due_at = %(due_at)s, level = 0
WHERE thread_id = %(thread_id)s AND id = %(id)s;

-- name: add_timers
INSERT INTO hitl.timers (thread_id, review_id, kind, level, at, remaining)
SELECT %(thread_id)s, %(id)s, t.kind, t.level, t.at, %(remaining)s
FROM unnest(%(kinds)s::text[], %(levels)s::int[], %(ats)s::timestamptz[]) AS t (kind, level, at);

-- name: drop_closed
-- What would have happened to cases that are closed for good.
DELETE FROM hitl.timers WHERE id = ANY (ARRAY(  -- an array is looked up once, an IN may be for each row
    SELECT t.id FROM hitl.timers t JOIN hitl.reviews r ON r.thread_id = t.thread_id AND r.id = t.review_id
    WHERE t.done_at IS NULL AND t.at <= now() AND r.status IN ('applied', 'superseded')
    ORDER BY t.at, t.id LIMIT 1000
    FOR UPDATE OF t SKIP LOCKED));

-- name: take_due
-- The pending case that something is due for, and has been for the longest time; locked, with one of its timers.
SELECT r.thread_id, r.id
FROM hitl.timers t JOIN hitl.reviews r ON r.thread_id = t.thread_id AND r.id = t.review_id
WHERE t.done_at IS NULL AND t.at <= now() AND r.status = 'pending' AND r.deadlines = 'planned'
ORDER BY t.at, t.id LIMIT 1
FOR UPDATE OF r, t SKIP LOCKED;

-- name: lock_pending
-- A case by its id, locked, whatever its status.
SELECT r.thread_id, r.id, r.status FROM hitl.reviews r
WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s
FOR UPDATE OF r;

-- name: look
-- A case whose row is locked, as it stands now.
SELECT r.thread_id, r.id, r.payload, r.shape, r.digest, r.owner, r.person, r.level, r.due_at, now() AS now,
       CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by
FROM hitl.reviews r
WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s;

-- name: standing_timers
-- What is still to come for a case, and what of it is due.
SELECT id, kind, level, at, remaining, at <= now() AS due
FROM hitl.timers
WHERE thread_id = %(thread_id)s AND review_id = %(id)s AND done_at IS NULL
ORDER BY at, id;

-- name: end_timers
UPDATE hitl.timers SET done_at = now(), outcome = %(outcome)s WHERE id = ANY (%(ids)s);

-- name: tell
INSERT INTO hitl.events (type, thread_id, review_id, data)
VALUES (%(type)s, %(thread_id)s, %(id)s, %(data)s::json);

-- name: escalate
-- Another group has the case; whoever had it before may still decide it.
WITH before AS (
    SELECT thread_id, id, owner, claimed_by FROM hitl.reviews
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
), moved AS (
    UPDATE hitl.reviews r
    SET owner = %(to)s, person = NULL, level = %(level)s, due_at = %(due_at)s, claimed_by = NULL, claimed_until = NULL,
        snoozed_until = NULL,
        candidates = CASE WHEN r.owner IS NULL OR r.owner = ANY (r.candidates) THEN r.candidates
                          ELSE r.candidates || r.owner END
    FROM before b WHERE r.thread_id = b.thread_id AND r.id = b.id
    RETURNING b.thread_id, b.id, b.owner, b.claimed_by
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'escalated', thread_id, id, json_build_object(
           'by', %(by)s::text, 'from', owner, 'to', %(to)s::text, 'level', %(level)s::int, 'because', %(because)s::text,
           'claimed_by', claimed_by, 'due_at', %(due_at)s::timestamptz)
FROM moved;

-- name: upcoming
-- What is still to come, soonest first. A parameter that is null does not filter.
SELECT t.thread_id, t.review_id, t.kind, t.level, t.at, t.remaining, r.gate, r.owner
FROM hitl.timers t JOIN hitl.reviews r ON r.thread_id = t.thread_id AND r.id = t.review_id
WHERE t.done_at IS NULL AND r.status = 'pending'
  AND (%(id)s::text IS NULL OR t.review_id = %(id)s)
  AND (%(thread_id)s::text IS NULL OR t.thread_id = %(thread_id)s)
ORDER BY t.at, t.id LIMIT %(limit)s;
