-- The directory, and who may let which act through.

-- name: put_person
-- Who is not active any more is signed out everywhere, and their programs' tokens end.
WITH put AS (
    INSERT INTO hitl.people AS p (key, id, name, groups, kind, active, time_zone, roles, changed_at)
    VALUES (%(key)s, %(id)s, %(name)s, %(groups)s, %(kind)s, %(active)s, %(time_zone)s,
            coalesce(%(roles)s::text[], '{reviewer}'), now())
    ON CONFLICT (tenant, key) DO UPDATE SET
        id = excluded.id, name = excluded.name, groups = excluded.groups, kind = excluded.kind,
        active = excluded.active, time_zone = excluded.time_zone, roles = coalesce(%(roles)s::text[], p.roles),
        changed_at = excluded.changed_at
    RETURNING id, name, groups, kind, active, roles
), signed_out AS (
    DELETE FROM hitl.sessions s USING put WHERE s.key = %(key)s AND NOT put.active
), revoked AS (
    DELETE FROM hitl.api_tokens t USING put WHERE t.key = %(key)s AND NOT put.active
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'person_put', '', '', json_build_object(
    'by', %(by)s::text, 'person', id, 'name', name, 'groups', groups, 'kind', kind, 'active', active,
    'roles', roles, 'authority', %(authority)s::json)
FROM put;

-- name: drop_own_authority
DELETE FROM hitl.authority WHERE holder_kind = 'person' AND holder = %(holder)s;

-- name: keep_own_authority
-- The event is that of the person.
INSERT INTO hitl.authority (holder_kind, holder, action, pattern, max_amount)
VALUES ('person', %(holder)s, %(action)s, %(pattern)s, %(max_amount)s)
ON CONFLICT (tenant, holder_kind, holder, action) DO UPDATE SET max_amount = excluded.max_amount;

-- name: list_people
-- One, those of a group, or all.
SELECT p.id, p.name, p.groups, p.kind, p.active, p.time_zone, p.roles,
       (SELECT coalesce(json_agg(json_build_object('action', a.action, 'max_amount', a.max_amount) ORDER BY a.action), '[]')
        FROM hitl.authority a WHERE a.holder_kind = 'person' AND a.holder = p.key) AS authority
FROM hitl.people p
WHERE (%(key)s::text IS NULL OR p.key = %(key)s) AND (%(group)s::text IS NULL OR %(group)s = ANY (p.groups))
ORDER BY p.key;

-- name: remove_person
-- With what they had authority for themselves, and wherever they are signed in.
WITH removed AS (
    DELETE FROM hitl.people WHERE key = %(key)s RETURNING key, id
), own AS (
    DELETE FROM hitl.authority a USING removed r WHERE a.holder_kind = 'person' AND a.holder = r.key
), signed_out AS (
    DELETE FROM hitl.sessions s USING removed r WHERE s.key = r.key
), revoked AS (
    DELETE FROM hitl.api_tokens t USING removed r WHERE t.key = r.key
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'person_removed', '', '', json_build_object('by', %(by)s::text, 'person', id) FROM removed
RETURNING id;

-- name: changes_directory
-- Who wants to change it, as far as they are listed.
SELECT (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = %(person)s) AS p) AS known,
       EXISTS (SELECT FROM hitl.people WHERE active AND 'admin' = ANY (roles)) AS governed;

-- name: lock_directory
-- Until the transaction ends, nobody else changes who the admins are.
SELECT pg_advisory_xact_lock(hashtextextended('hitl directory of ' || hitl.tenant(), 0)) IS NULL AS locked;

-- name: governed
-- Whether somebody is an admin, and whether anybody is listed.
SELECT EXISTS (SELECT FROM hitl.people WHERE active AND 'admin' = ANY (roles)) AS governed,
       EXISTS (SELECT FROM hitl.people) AS listed;

-- name: put_authority
-- The same action in other letters is the same authority.
WITH other AS (
    DELETE FROM hitl.authority
    WHERE holder_kind = %(holder_kind)s AND holder = %(holder)s AND action <> %(action)s
      AND lower(action) = lower(%(action)s)
), put AS (
    INSERT INTO hitl.authority (holder_kind, holder, action, pattern, max_amount)
    VALUES (%(holder_kind)s, %(holder)s, %(action)s, %(pattern)s, %(max_amount)s)
    ON CONFLICT (tenant, holder_kind, holder, action) DO UPDATE SET
        pattern = excluded.pattern, max_amount = excluded.max_amount
    RETURNING holder_kind, holder, action, max_amount
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'authority_put', '', '', json_build_object(
        'by', %(by)s::text, 'holder_kind', holder_kind, 'holder', holder, 'action', action,
        'max_amount', max_amount::text)
    FROM put
)
SELECT holder_kind, holder, action, max_amount FROM put;

-- name: list_authority
SELECT holder_kind, holder, action, max_amount FROM hitl.authority ORDER BY action, holder_kind, holder;

-- name: remove_authority
WITH removed AS (
    DELETE FROM hitl.authority
    WHERE holder_kind = %(holder_kind)s AND holder = %(holder)s AND lower(action) = lower(%(action)s)
    RETURNING holder_kind, holder, action
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'authority_removed', '', '', json_build_object(
    'by', %(by)s::text, 'holder_kind', holder_kind, 'holder', holder, 'action', action)
FROM removed
RETURNING id;
