-- Taking a decision, and taking it back. Each of these runs in one transaction that holds the case's row, so that who
-- comes at the same time waits; what takes effect is decided by the conditions of the statement that writes. `me` is who
-- acts, spelled as the claim on the locked row is, where it is theirs: names are compared in one place, by `key_of`.

-- name: lock_case
-- The case, locked, with who asks (as the directory knows them, kept as they are until the transaction ends), whether
-- anybody is listed, who may let this action through, and the codes that a decision may name.
WITH known AS (
    SELECT p.id, p.name, p.kind, p.groups, p.active, p.roles FROM hitl.people p WHERE p.key = %(person)s FOR SHARE
)
SELECT r.status, r.digest, r.owner, r.person, r.candidates, r.action, r.gate, r.approvals,
       CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by, r.claimed_until,
       (SELECT row_to_json(known) FROM known) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed,
       (SELECT coalesce(json_agg(json_build_object(
                   'holder_kind', a.holder_kind, 'holder', a.holder, 'max_amount', a.max_amount::text)), '[]')
        FROM hitl.authority a
        WHERE lower(r.action) LIKE lower(a.pattern) OR lower(%(act)s::text) LIKE lower(a.pattern)) AS authority,
       (SELECT coalesce(json_agg(json_build_object('kind', c.kind, 'code', c.code) ORDER BY c.code), '[]')
        FROM hitl.codes c WHERE c.gate IN ('', coalesce(r.gate, ''))) AS codes
FROM hitl.reviews r
WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s
FOR UPDATE OF r;

-- name: begin_request
-- Whoever sends the same key at the same time waits here for the first. Gives nothing where the key was used before.
INSERT INTO hitl.requests (key, body, thread_id, review_id)
VALUES (%(key)s, %(body)s, %(thread_id)s, %(id)s)
ON CONFLICT (tenant, key) DO NOTHING
RETURNING key;

-- name: find_request
SELECT body, thread_id, review_id FROM hitl.requests WHERE key = %(key)s;

-- name: decide
-- Compare-and-set: takes effect only while the case is pending, what was shown is what stands there, and nobody else is
-- at it. With it go the author's own draft and claim, the job that tells the thread, and for a takeover the hold.
WITH decided AS (
    UPDATE hitl.reviews
    SET status = 'decided', error = NULL, claimed_by = NULL, claimed_until = NULL, snoozed_until = NULL
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending' AND digest = %(digest)s
      AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s
           OR %(via)s = 'system')
    RETURNING thread_id, id
), kept AS (
    INSERT INTO hitl.decisions (
        thread_id, review_id, type, decision, by, via, digest, identity, final_digest, decided_at, dispatch_at
    )
    SELECT thread_id, id, %(type)s, %(decision)s::json, %(by)s, %(via)s, %(digest)s, %(identity)s::json,
           %(final_digest)s, now(), now() + make_interval(secs => %(undo_s)s::float8)
    FROM decided
    RETURNING decided_at, dispatch_at
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'decided', thread_id, id, json_build_object(
               'by', %(by)s::text, 'via', %(via)s::text, 'digest', %(digest)s::text,
               'decision', %(decision)s::json, 'final_digest', %(final_digest)s::text,
               'identity', %(identity)s::json, 'undo_s', %(undo_s)s::float8)
    FROM decided
), dropped AS (
    DELETE FROM hitl.drafts f USING decided d
    WHERE f.thread_id = d.thread_id AND f.review_id = d.id AND f.person = %(person)s
), held AS (
    INSERT INTO hitl.holds (scope, value, kind, by, reason)
    SELECT 'thread', thread_id, 'takeover', %(by)s, %(why)s FROM decided WHERE %(type)s = 'take_over'
    ON CONFLICT DO NOTHING
)
SELECT decided_at, dispatch_at, hitl.enqueue_resume(%(thread_id)s, dispatch_at) IS NULL AS enqueued FROM kept;

-- name: vote
-- One vote per person; a later one takes its place, and their own word that of a sender in their name. Under the same
-- conditions as a decision.
WITH standing AS (
    UPDATE hitl.reviews
    SET claimed_by = CASE WHEN claimed_by = %(me)s THEN NULL ELSE claimed_by END,
        claimed_until = CASE WHEN claimed_by = %(me)s THEN NULL ELSE claimed_until END
    WHERE thread_id = %(thread_id)s AND id = %(id)s AND status = 'pending' AND digest = %(digest)s
      AND (claimed_until IS NULL OR claimed_until <= now() OR claimed_by = %(me)s)
    RETURNING thread_id, id
), cast_now AS (
    INSERT INTO hitl.votes AS v (thread_id, review_id, person, by, decision, content, digest, identity, at)
    SELECT thread_id, id, %(person)s, %(by)s, %(decision)s::json, %(content)s, %(digest)s, %(identity)s::json, now()
    FROM standing
    ON CONFLICT (tenant, thread_id, review_id, person) DO UPDATE SET
        by = excluded.by, decision = excluded.decision, content = excluded.content, digest = excluded.digest,
        identity = excluded.identity, at = excluded.at
        WHERE v.content <> excluded.content OR v.digest <> excluded.digest
           OR (v.identity -> 'senders' IS NOT NULL AND excluded.identity -> 'senders' IS NULL)
    RETURNING v.thread_id, v.review_id
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'voted', thread_id, review_id, json_build_object(
        'by', %(by)s::text, 'decision', %(decision)s::json, 'digest', %(digest)s::text, 'identity', %(identity)s::json)
    FROM cast_now
), dropped AS (
    DELETE FROM hitl.drafts f USING standing s
    WHERE f.thread_id = s.thread_id AND f.review_id = s.id AND f.person = %(person)s
)
SELECT id FROM standing;

-- name: votes_for
-- Who says just this about just what stands there, each as they were known then (identity) and as they are now (known).
SELECT v.by, v.identity,
       (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = v.person) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed
FROM hitl.votes v
WHERE v.thread_id = %(thread_id)s AND v.review_id = %(id)s AND v.content = %(content)s AND v.digest = %(digest)s
ORDER BY v.at;

-- name: undo
-- Compare-and-set on the decision: takes effect only while nobody has handed it to the thread. The case waits again,
-- and what was decided stays in the event. A takeover ends with the decision that began it.
WITH undone AS (
    DELETE FROM hitl.decisions d
    USING hitl.reviews r
    WHERE d.thread_id = %(thread_id)s AND d.review_id = %(id)s AND d.dispatched_at IS NULL
      AND d.by = %(decided_by)s AND r.thread_id = d.thread_id AND r.id = d.review_id AND r.status = 'decided'
    RETURNING d.thread_id, d.review_id, d.type, d.decision, d.by
), again AS (
    UPDATE hitl.reviews r SET status = 'pending', error = NULL
    FROM undone u WHERE r.thread_id = u.thread_id AND r.id = u.review_id
), unsaid AS (
    DELETE FROM hitl.votes v USING undone u
    WHERE v.thread_id = u.thread_id AND v.review_id = u.review_id AND v.person IN (%(person)s, %(decider)s)
), handed_back AS (
    UPDATE hitl.holds h SET released_at = now(), released_by = %(by)s
    FROM undone u
    WHERE u.type = 'take_over' AND h.scope = 'thread' AND h.value = u.thread_id AND h.kind = 'takeover'
      AND h.released_at IS NULL
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'undone', thread_id, review_id,
       json_build_object('by', %(by)s::text, 'decided_by', by, 'decision', decision)
FROM undone
RETURNING review_id;
