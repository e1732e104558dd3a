-- Holds: what must not act or go on now. Triggers of the table write the events and do what comes with a hold.

-- name: known
-- Who asks, as the directory knows them, whether anybody is listed, and whether anybody leads.
SELECT (SELECT row_to_json(p) FROM hitl.people p WHERE p.key = %(person)s) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed,
       EXISTS (SELECT FROM hitl.people WHERE active AND roles && '{lead,admin}') AS led;

-- name: lock_cases
-- The thread's cases, before the hold: whoever decides one of them at the same time comes before it or after it.
SELECT id FROM hitl.reviews WHERE thread_id = %(value)s AND status IN ('pending', 'decided', 'failed')
ORDER BY id FOR UPDATE;

-- name: put_hold
-- Nothing where the same is held in the same way already.
INSERT INTO hitl.holds (scope, value, kind, by, reason) VALUES (%(scope)s, %(value)s, %(kind)s, %(by)s, %(reason)s)
ON CONFLICT (tenant, scope, value, kind) WHERE released_at IS NULL DO NOTHING
RETURNING *;

-- name: standing_hold
SELECT * FROM hitl.holds
WHERE scope = %(scope)s AND value = %(value)s AND kind = %(kind)s AND released_at IS NULL;

-- name: release_hold
-- Compare-and-set: of all who release it, one does.
UPDATE hitl.holds SET released_at = now(), released_by = %(by)s, note = %(note)s
WHERE id = %(id)s AND released_at IS NULL
RETURNING *;

-- name: find_hold
SELECT * FROM hitl.holds WHERE id = %(id)s;

-- name: move_takeover
-- Somebody else has the thread from here: the hold goes on in their name.
WITH had AS (
    SELECT id, by FROM hitl.holds
    WHERE scope = 'thread' AND value = %(value)s AND kind = 'takeover' AND released_at IS NULL AND by <> %(by)s
    FOR UPDATE
), moved AS (
    UPDATE hitl.holds h SET by = %(by)s, reason = %(reason)s FROM had WHERE h.id = had.id RETURNING h.*, had.by AS had_by
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'taken_over', value, '', json_build_object(
        'by', by, 'reason', reason, 'hold', id, 'scope', scope, 'value', value, 'from', had_by)
    FROM moved
)
SELECT * FROM moved;

-- name: list_holds
-- The newest first.
SELECT * FROM hitl.holds
WHERE (released_at IS NULL OR NOT %(standing)s)
  AND (%(scope)s::text IS NULL OR scope = %(scope)s) AND (%(value)s::text IS NULL OR value = %(value)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: acts_under_way
-- Acts of a hold's scope that began before it and have not ended, as far as is known. An actor that is connected holds
-- a lock of its key. One that lost its connection may be dead, or may act all the same: nobody can tell.
SELECT e.key, EXISTS (
    SELECT FROM pg_locks l
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('hitl-effect:' || e.key, 0)) AS connected
FROM hitl.effects e
WHERE e.status = 'started'
  AND CASE %(scope)s WHEN 'thread' THEN e.thread_id = %(value)s WHEN 'workflow' THEN coalesce(e.workflow = %(value)s, true)
                     WHEN 'action' THEN e.action = %(value)s ELSE true END
ORDER BY e.started_at;

-- name: held
-- Why an act or a run is held, in words.
SELECT hitl.held(%(thread)s, %(workflow)s, %(action)s) AS because;

-- name: own_tenant
SELECT hitl.tenant() AS name;

-- name: seen
-- Whether anything has gone by this name: what has not may be misspelled.
SELECT CASE %(scope)s
    WHEN 'thread' THEN
        EXISTS (SELECT FROM checkpoints c WHERE c.thread_id = %(value)s)
        OR EXISTS (SELECT FROM hitl.reviews r WHERE r.thread_id = %(value)s)
        OR EXISTS (SELECT FROM hitl.starts s WHERE s.thread_id = %(value)s)
    WHEN 'workflow' THEN
        EXISTS (SELECT FROM hitl.reviews r WHERE r.workflow = %(value)s)
        OR EXISTS (SELECT FROM hitl.effects e WHERE e.workflow = %(value)s)
        OR EXISTS (SELECT FROM hitl.starts s WHERE s.workflow = %(value)s)
    WHEN 'action' THEN
        EXISTS (SELECT FROM hitl.reviews r WHERE r.action = %(value)s)
        OR EXISTS (SELECT FROM hitl.effects e WHERE e.action = %(value)s)
    ELSE true
END AS seen;

-- name: names
-- The names of graphs or action classes. Threads are too many to be compared.
SELECT DISTINCT name FROM (
    SELECT CASE %(scope)s WHEN 'workflow' THEN r.workflow WHEN 'action' THEN r.action END AS name FROM hitl.reviews r
    UNION ALL
    SELECT CASE %(scope)s WHEN 'workflow' THEN e.workflow WHEN 'action' THEN e.action END FROM hitl.effects e
    UNION ALL
    SELECT s.workflow FROM hitl.starts s WHERE %(scope)s = 'workflow'
) AS found
WHERE name IS NOT NULL ORDER BY name LIMIT 10000;
