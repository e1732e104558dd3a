-- Who is at a case, and whose it is. Each takes effect only while the case is pending and nobody else is at it.

-- name: claim
-- A lease: free, lapsed or one's own.
WITH claimed AS (
    UPDATE hitl.reviews SET claimed_by = %(by)s, claimed_until = now() + make_interval(secs => %(lease_s)s::float8)
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
      AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s)
    RETURNING thread_id, id, claimed_until
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'claimed', thread_id, id, json_build_object('by', %(by)s::text, 'until', claimed_until) FROM claimed
RETURNING review_id;

-- name: heartbeat
-- Only a lease that has not lapsed can be renewed.
WITH renewed AS (
    UPDATE hitl.reviews SET claimed_until = now() + make_interval(secs => %(lease_s)s::float8)
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
      AND claimed_until > now() AND claimed_by = %(me)s
    RETURNING thread_id, id, claimed_until
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'claim_renewed', thread_id, id, json_build_object('by', %(by)s::text, 'until', claimed_until) FROM renewed
RETURNING review_id;

-- name: release
WITH released AS (
    UPDATE hitl.reviews SET claimed_by = NULL, claimed_until = NULL
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
      AND claimed_until > now() AND claimed_by = %(me)s
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'claim_released', thread_id, id, json_build_object('by', %(by)s::text) FROM released
RETURNING review_id;

-- name: take_over_claim
-- The holder is named in the event; their draft stays theirs.
WITH before AS (
    SELECT thread_id, id, CASE WHEN claimed_until > now() THEN claimed_by END AS holder
    FROM hitl.reviews WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending' FOR UPDATE
), taken AS (
    UPDATE hitl.reviews r
    SET claimed_by = %(by)s, claimed_until = now() + make_interval(secs => %(lease_s)s::float8)
    FROM before b WHERE r.thread_id = b.thread_id AND r.id = b.id
    RETURNING r.thread_id, r.id, b.holder, r.claimed_until
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'claim_taken_over', thread_id, id, json_build_object(
    'by', %(by)s::text, 'from', holder, 'reason', %(reason)s::text, 'until', claimed_until)
FROM taken
RETURNING review_id;

-- name: reassign
-- To one person, who may act from now on whatever their groups.
WITH given AS (
    UPDATE hitl.reviews r
    SET person = %(to)s, rerouted = true, snoozed_until = NULL,
        claimed_by = CASE WHEN claimed_by = %(them)s THEN claimed_by END,
        claimed_until = CASE WHEN claimed_by = %(them)s THEN claimed_until END
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
      AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s)
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'reassigned', thread_id, id, json_build_object(
    'by', %(by)s::text, 'to', %(to)s::text, 'from', %(before)s::text, 'reason', %(reason)s::text)
FROM given
RETURNING review_id;

-- name: reroute
-- To another group, and to nobody in particular.
WITH given AS (
    UPDATE hitl.reviews
    SET owner = %(to)s, person = NULL, candidates = '{}', rerouted = true, snoozed_until = NULL,
        claimed_by = NULL, claimed_until = NULL
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
      AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s)
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'rerouted', thread_id, id, json_build_object(
    'by', %(by)s::text, 'to', %(to)s::text, 'from', %(before)s::text, 'reason', %(reason)s::text)
FROM given
RETURNING review_id;

-- name: snooze
-- Hidden until then; its time limit goes on. A time that is not in the future wakes it.
WITH snoozed AS (
    UPDATE hitl.reviews
    SET snoozed_until = nullif(greatest(coalesce(
            %(until)s::timestamptz, now() + make_interval(secs => %(hours)s::float8 * 3600)), now()), now())
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending'
      AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s)
    RETURNING thread_id, id, snoozed_until
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT CASE WHEN snoozed_until IS NULL THEN 'woken' ELSE 'snoozed' END, thread_id, id,
       json_build_object('by', %(by)s::text, 'until', snoozed_until)
FROM snoozed
RETURNING review_id;

-- name: known
-- Who this is, as the directory knows them, and whether anybody is listed.
SELECT (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = %(person)s) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed;

-- name: group_exists
-- Whether somebody in it could decide.
SELECT EXISTS (SELECT FROM hitl.people WHERE active AND kind = 'human' AND %(group)s = ANY (groups)
               AND roles && '{reviewer,lead,admin}') AS there;
