-- Who is told of cases, which programs may decide, and what is still to be told. Nothing here returns an address or a
-- secret.

-- name: put_target
-- Takes over a target of the same name whole; a secret that is not given stays.
WITH put AS (
    INSERT INTO hitl.targets AS t (id, kind, address, secret, owner, events, person, actions, trusted, active)
    VALUES (%(id)s, %(kind)s, %(address)s, %(secret)s, %(owner)s, %(events)s, %(person)s, %(actions)s, %(trusted)s,
            %(active)s)
    ON CONFLICT (tenant, id) DO UPDATE SET
        kind = excluded.kind, address = excluded.address, secret = coalesce(%(given)s::text, t.secret, excluded.secret),
        owner = excluded.owner, events = excluded.events, person = excluded.person, actions = excluded.actions,
        trusted = excluded.trusted, active = excluded.active
    RETURNING id, kind, owner, events, person, actions, trusted, active, secret
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'target_put', '', '', json_build_object(
        'by', %(by)s::text, 'target', id, 'kind', kind, 'owner', owner, 'events', events, 'person', person,
        'actions', actions, 'trusted', trusted, 'active', active)
    FROM put
)
SELECT * FROM put;

-- name: list_targets
-- `scheme` is the beginning of the address, up to its colon.
SELECT t.id, t.kind, split_part(t.address, ':', 1) AS scheme, t.owner, t.events, t.person, t.actions, t.trusted, t.active,
       (SELECT count(*) FROM hitl.outbox o WHERE o.target_id = t.id AND o.status = 'queued') AS queued,
       (SELECT count(*) FROM hitl.outbox o WHERE o.target_id = t.id AND o.status = 'failed') AS failed
FROM hitl.targets t ORDER BY t.id;

-- name: remove_target
-- What was queued for it is taken back.
WITH gone AS (
    DELETE FROM hitl.targets WHERE id = %(id)s RETURNING id
), back AS (
    UPDATE hitl.outbox o SET status = 'retracted', settled_at = now() FROM gone g
    WHERE o.target_id = g.id AND o.status = 'queued'
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'target_removed', '', '', json_build_object('by', %(by)s::text, 'target', id) FROM gone
RETURNING type;

-- name: list_outbox
-- Newest first. A parameter that is null does not filter.
SELECT id, message_id, target_id AS target, event, thread_id, review_id, status, attempts, created_at, next_at, settled_at,
       error
FROM hitl.outbox
WHERE (%(status)s::text IS NULL OR status = %(status)s)
  AND (%(target)s::text IS NULL OR target_id = %(target)s)
  AND (%(thread_id)s::text IS NULL OR thread_id = %(thread_id)s)
  AND (%(review_id)s::text IS NULL OR review_id = %(review_id)s)
ORDER BY id DESC LIMIT %(limit)s;

-- name: retry_outbox
-- Given up, and to be sent after all: attempts are counted anew.
WITH again AS (
    UPDATE hitl.outbox SET status = 'queued', attempts = 0, refused = 0, next_at = now(), settled_at = NULL, error = NULL
    WHERE status = 'failed' AND (%(target)s::text IS NULL OR target_id = %(target)s)
      AND (%(id)s::bigint IS NULL OR id = %(id)s)
    RETURNING id, target_id, thread_id, review_id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'notice_retried', thread_id, review_id, json_build_object('by', %(by)s::text, 'target', target_id, 'notice', id)
FROM again RETURNING type;

-- name: put_sender
WITH put AS (
    INSERT INTO hitl.senders AS s (id, secret, people, groups, active)
    VALUES (%(id)s, %(secret)s, %(people)s, %(groups)s, %(active)s)
    ON CONFLICT (tenant, id) DO UPDATE SET
        secret = coalesce(%(given)s::text, s.secret), people = excluded.people, groups = excluded.groups,
        active = excluded.active
    RETURNING id, people, groups, active, secret
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'sender_put', '', '',
           json_build_object('by', %(by)s::text, 'sender', id, 'people', people, 'groups', groups, 'active', active)
    FROM put
)
SELECT * FROM put;

-- name: list_senders
SELECT id, people, groups, active FROM hitl.senders ORDER BY id;

-- name: remove_sender
WITH gone AS (
    DELETE FROM hitl.senders WHERE id = %(id)s RETURNING id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'sender_removed', '', '', json_build_object('by', %(by)s::text, 'sender', id) FROM gone
RETURNING type;

-- name: prune
-- Notices that are long over, of cases that are over too: while a case is open it is known who was told of it.
WITH gone AS (
    DELETE FROM hitl.outbox o
    WHERE o.status <> 'queued' AND o.settled_at < now() - make_interval(days => %(days)s)
      AND NOT EXISTS (SELECT FROM hitl.reviews r
                      WHERE r.thread_id = o.thread_id AND r.id = o.review_id
                        AND r.status IN ('pending', 'decided', 'failed'))
    RETURNING o.id
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'notices_pruned', '', '', json_build_object('by', %(by)s::text, 'days', %(days)s::int, 'notices', count(*))
    FROM gone HAVING count(*) > 0
)
SELECT count(*) AS gone FROM gone;
