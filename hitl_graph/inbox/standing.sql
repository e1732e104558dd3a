-- What somebody may do with cases, said before they try. Nothing is locked: what counts is asked again when they do.

-- name: standing
-- Cases as their rules see them, and whoever asks. Each is found by one look into the index, however many there are.
SELECT r.thread_id, r.id, r.owner, r.person, r.candidates, r.action,
       CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by, r.claimed_until,
       (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = %(person)s) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed,
       (SELECT coalesce(json_agg(json_build_object(
                   'holder_kind', a.holder_kind, 'holder', a.holder, 'max_amount', a.max_amount::text)), '[]')
        FROM hitl.authority a
        WHERE lower(r.action) LIKE lower(a.pattern) OR lower(asked.act) LIKE lower(a.pattern)) AS authority
FROM unnest(%(threads)s::text[], %(ids)s::text[], %(acts)s::text[]) AS asked (thread_id, id, act)
CROSS JOIN LATERAL (
    SELECT thread_id, id, owner, person, candidates, action, claimed_by, claimed_until
    FROM hitl.reviews WHERE thread_id = asked.thread_id AND id = asked.id LIMIT 1) AS r;

-- name: candidates
-- Others who are asked about a case: those of its groups and the person it was given to, or everybody where nobody is named.
SELECT id, name, kind, groups, active, roles
FROM hitl.people p
WHERE p.active AND p.kind = 'human' AND p.key <> %(person)s
  AND (p.key = %(named)s OR p.groups && %(groups)s::text[] OR (%(named)s::text IS NULL AND %(groups)s::text[] = '{}'))
ORDER BY p.key
LIMIT %(limit)s;
