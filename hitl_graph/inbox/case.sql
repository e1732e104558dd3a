-- The page of one case: what changes while it is open, who is at it, and what of it was opened.

-- name: look
-- The time, who has the case before them, and which pieces of evidence this person has opened of what stands there now.
SELECT now() AS now,
       (SELECT coalesce(json_agg(json_build_object('by', p.by, 'person', p.person, 'doing', p.doing) ORDER BY p.by), '[]')
        FROM hitl.presence p
        WHERE p.thread_id = %(thread_id)s AND p.review_id = %(id)s
          AND p.seen_at > now() - make_interval(secs => %(fresh_s)s::float8)) AS presence,
       (SELECT coalesce(json_agg(DISTINCT (e.data ->> 'number')::int), '[]')
        FROM hitl.events e
        WHERE e.thread_id = %(thread_id)s AND e.review_id = %(id)s AND e.type = 'evidence_opened'
          AND e.data ->> 'by' = %(by)s AND e.data ->> 'digest' = %(digest)s) AS opened;

-- name: here
-- Somebody has the case before them.
WITH old AS (
    DELETE FROM hitl.presence
    WHERE seen_at < now() - interval '1 hour' AND NOT (thread_id = %(thread_id)s AND review_id = %(id)s)
)
INSERT INTO hitl.presence (thread_id, review_id, person, by, doing, seen_at)
VALUES (%(thread_id)s, %(id)s, %(person)s, %(by)s, %(doing)s, now())
ON CONFLICT (tenant, thread_id, review_id, person) DO UPDATE SET
    by = excluded.by, doing = excluded.doing, seen_at = excluded.seen_at;

-- name: gone
DELETE FROM hitl.presence WHERE thread_id = %(thread_id)s AND review_id = %(id)s AND person = %(person)s;

-- name: opened
-- Kept once for each person, piece and state of the case: part of the proof that a decision was informed.
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'evidence_opened', %(thread_id)s, %(id)s,
       json_build_object('by', %(by)s::text, 'digest', %(digest)s::text, 'number', %(number)s::int)
WHERE NOT EXISTS (
    SELECT FROM hitl.events e
    WHERE e.thread_id = %(thread_id)s AND e.review_id = %(id)s AND e.type = 'evidence_opened'
      AND e.data ->> 'by' = %(by)s AND e.data ->> 'digest' = %(digest)s
      AND (e.data ->> 'number')::int = %(number)s::int);
