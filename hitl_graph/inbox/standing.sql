-- Whether somebody may decide a case, said before they try. Nothing is locked: what counts is asked again when they do.

-- name: standing
-- The case as its rules see it, and whoever asks.
SELECT r.owner, r.person, r.candidates, r.action,
       (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = %(person)s) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed,
       (SELECT coalesce(json_agg(json_build_object(
                   'holder_kind', a.holder_kind, 'holder', a.holder, 'max_amount', a.max_amount::text)), '[]')
        FROM hitl.authority a
        WHERE lower(r.action) LIKE lower(a.pattern) OR lower(%(act)s::text) LIKE lower(a.pattern)) AS authority
FROM hitl.reviews r
WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s;

-- name: candidates
-- Others who are asked about a case: those of its groups and the person it was given to, or everybody where nobody is named.
SELECT id, name, kind, groups, active, roles
FROM hitl.people p
WHERE p.active AND p.kind = 'human' AND p.key <> %(person)s
  AND (p.key = %(named)s OR p.groups && %(groups)s::text[] OR (%(named)s::text IS NULL AND %(groups)s::text[] = '{}'))
ORDER BY p.key
LIMIT %(limit)s;
