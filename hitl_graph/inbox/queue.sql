-- What the queue shows. A page continues after the last case of the one before, never by counting from the beginning;
-- what is counted is counted up to a limit. Between braces stand the parts that a look at the queue asks for, each a
-- statement of this file; so the planner sees only the conditions that hold.

-- name: waiting
r.status = 'pending' AND (r.snoozed_until IS NULL OR r.snoozed_until <= now())

-- name: snoozed
r.status = 'pending' AND r.snoozed_until IS NOT NULL AND r.snoozed_until > now()

-- name: failed
r.status = 'failed'

-- name: decided
r.status IN ('decided', 'applied') AND d.decided_at > now() - interval '7 days'

-- name: scope_all
-- The first few of all that fulfil a condition, as the index has them.
(SELECT r.* FROM hitl.reviews r WHERE {cond} {sorted} LIMIT {few}) AS r

-- name: scope_team
-- The same for my team: the first few of each of my groups, so that no other group's cases are gone through.
(SELECT r.* FROM unnest(%(groups)s::text[]) AS g (name) CROSS JOIN LATERAL (
     SELECT r.* FROM hitl.reviews r WHERE r.owner = g.name AND {cond} {sorted} LIMIT {few}) AS r
 UNION ALL
 (SELECT r.* FROM hitl.reviews r
  WHERE (r.person = ANY (%(me)s::text[])
         OR (r.status = 'pending' AND r.candidates <> '{}' AND r.candidates && %(groups)s::text[]))
    AND (r.owner IS NULL OR r.owner <> ALL (%(groups)s::text[])) AND {cond} {sorted} LIMIT {few})) AS r

-- name: who_mine
AND (r.person = ANY (%(me)s::text[]) OR (r.claimed_by IS NOT NULL AND r.claimed_by = ANY (%(me)s::text[]) AND r.claimed_until > now()))

-- name: who_mine_decided
AND d.by = ANY (%(me)s::text[])

-- name: who_team
AND (r.owner = ANY (%(groups)s::text[]) OR r.person = ANY (%(me)s::text[])
     OR (r.status = 'pending' AND r.candidates <> '{}' AND r.candidates && %(groups)s::text[]))

-- name: by_gate
AND r.gate = %(gate)s

-- name: by_kind
AND r.kind = %(kind)s

-- name: by_action
AND r.action = %(action)s

-- name: by_owner
AND r.owner = %(owner)s

-- name: by_workflow
AND r.workflow = %(workflow)s

-- name: by_priority
AND r.rank = %(rank)s

-- name: by_blocking
AND r.blocking

-- name: by_blocking_first
AND r.blocking AND r.rank < 2

-- name: by_grave
AND r.risk = 'high'

-- name: by_escalated
AND r.level > 0

-- name: order_escalated
r.level DESC, r.seq

-- name: by_late
AND coalesce(r.due_at, 'infinity') < now()

-- name: by_word
-- What is asked is kept as JSON in ASCII.
AND (concat_ws(' ', r.question, r.thread_id, r.id, r.gate, r.action, r.owner, r.person) ILIKE %(word{n})s
     OR r.payload::text COLLATE "C" ILIKE %(json{n})s)

-- name: by_short_word
-- What could be a part of any digest is looked for in the words alone.
AND concat_ws(' ', r.question, r.thread_id, r.gate, r.action, r.owner, r.person) ILIKE %(word{n})s

-- name: after_oldest
AND r.seq > %(after)s

-- name: after_newest
AND r.seq < %(after)s

-- name: after_due
AND (coalesce(r.due_at, 'infinity'), r.seq) > (%(place)s::timestamptz, %(after)s)

-- name: after_priority
AND (r.rank, r.seq) > (%(place)s::smallint, %(after)s)

-- name: after_decided
AND d.decided_at <= %(place)s::timestamptz AND (d.decided_at, r.seq) < (%(place)s::timestamptz, %(after)s)

-- name: before_due
AND (coalesce(r.due_at, 'infinity'), r.seq) < (%(place)s::timestamptz, %(after)s)

-- name: before_priority
AND (r.rank, r.seq) < (%(place)s::smallint, %(after)s)

-- name: reverse_due
coalesce(r.due_at, 'infinity') DESC, r.seq DESC

-- name: reverse_priority
r.rank DESC, r.seq DESC

-- name: order_oldest
r.seq

-- name: order_newest
r.seq DESC

-- name: order_due
coalesce(r.due_at, 'infinity'), r.seq

-- name: order_priority
r.rank, r.seq

-- name: order_decided
d.decided_at DESC, r.seq DESC

-- name: shown
-- What a row is made of: of what was asked only the parts that it shows, for the whole may be long.
r.seq, r.thread_id, r.id, r.status, r.gate, r.kind, r.action, r.question, r.owner, r.person, r.candidates, r.priority,
r.rank, r.risk, r.blocking, r.level, r.approvals, r.digest, r.asked_at, r.due_at, r.snoozed_until, r.error, r.workflow,
CASE WHEN r.claimed_until > now() THEN r.claimed_by END AS claimed_by, r.claimed_until, now() AS now,
CASE WHEN r.gate IS NULL THEN NULL WHEN octet_length(r.payload::text) <= 20000 THEN r.payload ELSE (
    SELECT json_build_object('action', n -> 'action', 'why', n -> 'why', 'blocks', n -> 'blocks', 'allowed', n -> 'allowed',
                             'warnings', n -> 'warnings', 'uncertainty', n -> 'uncertainty', 'sla', n -> 'sla',
                             'consequence', n -> 'consequence', 'proposal', n -> 'proposal', 'excluded', n -> 'excluded',
                             'tool_call', json_build_object('name', n -> 'tool_call' -> 'name'))
    FROM (SELECT coalesce(r.payload -> 'hitl', r.payload -> 0 -> 'hitl', r.payload -> 0, r.payload) AS n OFFSET 0) AS asked
) END AS asked,
(SELECT count(*) FROM hitl.votes v
 WHERE r.approvals > 1 AND v.thread_id = r.thread_id AND v.review_id = r.id AND v.digest = r.digest) AS votes,
(SELECT json_agg(json_build_object('by', p.by, 'doing', p.doing) ORDER BY p.seen_at) FROM hitl.presence p
 WHERE p.thread_id = r.thread_id AND p.review_id = r.id AND p.person <> %(key)s
   AND p.seen_at > now() - interval '45 seconds') AS present

-- name: page
SELECT {shown} FROM {source} ORDER BY {order} LIMIT %(limit)s;

-- name: beside
SELECT r.thread_id, r.id FROM {source} ORDER BY {order} LIMIT 1;

-- name: decided_page
SELECT {shown}, d.type AS decision_type, d.by AS decided_by, d.via, d.decided_at, d.dispatch_at, d.dispatched_at
FROM hitl.decisions d JOIN hitl.reviews r ON r.thread_id = d.thread_id AND r.id = d.review_id
WHERE {tab} {where} {after}
ORDER BY {order} LIMIT %(limit)s;

-- name: counts
-- How many there are of everything that the head of the page counts, each up to a limit.
SELECT (SELECT count(*) FROM (SELECT FROM {waiting} LIMIT %(most)s) AS c) AS waiting,
       (SELECT count(*) FROM (SELECT FROM {snoozed} LIMIT %(most)s) AS c) AS snoozed,
       (SELECT count(*) FROM (SELECT FROM {failed} LIMIT %(most)s) AS c) AS failed,
       (SELECT count(*) FROM (SELECT FROM {late} LIMIT %(most)s) AS c) AS late,
       (SELECT count(*) FROM (SELECT FROM {blocking} LIMIT %(most)s) AS c) AS blocking,
       (SELECT min(r.asked_at) FROM {oldest}) AS oldest,
       (SELECT r.due_at FROM {soonest} ORDER BY coalesce(r.due_at, 'infinity') LIMIT 1) AS soonest,
       now() AS now;

-- name: whose
-- How many wait for me, for my team, and for everybody.
SELECT (SELECT count(*) FROM (SELECT FROM {mine} LIMIT %(most)s) AS c) AS mine,
       (SELECT count(*) FROM (SELECT FROM {team} LIMIT %(most)s) AS c) AS team,
       (SELECT count(*) FROM (SELECT FROM {everybody} LIMIT %(most)s) AS c) AS everybody;

-- name: owners
-- Who must act: the groups that cases wait for, each found by one look into the index.
WITH RECURSIVE o AS (
    (SELECT r.owner FROM hitl.reviews r WHERE r.status = 'pending' AND r.owner IS NOT NULL ORDER BY r.owner LIMIT 1)
    UNION ALL
    SELECT (SELECT r.owner FROM hitl.reviews r WHERE r.status = 'pending' AND r.owner > o.owner ORDER BY r.owner LIMIT 1)
    FROM o WHERE o.owner IS NOT NULL
)
SELECT o.owner AS name,
       (SELECT count(*) FROM (SELECT FROM hitl.reviews r WHERE {waiting} AND r.owner = o.owner LIMIT %(owners_most)s) AS c) AS cases,
       (SELECT r.asked_at FROM hitl.reviews r WHERE {waiting} AND r.owner = o.owner ORDER BY r.seq LIMIT 1) AS oldest
FROM o WHERE o.owner IS NOT NULL LIMIT %(groups_most)s;

-- name: values
-- What there is to filter by, up to a limit: each found by one look into the index.
WITH RECURSIVE v AS (
    (SELECT r.{column} AS value FROM hitl.reviews r
     WHERE r.status = 'pending' AND r.{column} IS NOT NULL ORDER BY r.{column} LIMIT 1)
    UNION ALL
    SELECT (SELECT r.{column} FROM hitl.reviews r
            WHERE r.status = 'pending' AND r.{column} > v.value ORDER BY r.{column} LIMIT 1)
    FROM v WHERE v.value IS NOT NULL
)
SELECT value FROM v WHERE value IS NOT NULL LIMIT %(limit)s;

-- name: spellings
-- How people are written on cases that wait; which of them is somebody is said by `key_of`.
WITH RECURSIVE p AS (
    (SELECT r.person AS value FROM hitl.reviews r
     WHERE r.status = 'pending' AND r.person IS NOT NULL ORDER BY r.person LIMIT 1)
    UNION ALL
    SELECT (SELECT r.person FROM hitl.reviews r WHERE r.status = 'pending' AND r.person > p.value ORDER BY r.person LIMIT 1)
    FROM p WHERE p.value IS NOT NULL
), c AS (
    (SELECT r.claimed_by AS value FROM hitl.reviews r
     WHERE r.status = 'pending' AND r.claimed_by IS NOT NULL ORDER BY r.claimed_by LIMIT 1)
    UNION ALL
    SELECT (SELECT r.claimed_by FROM hitl.reviews r
            WHERE r.status = 'pending' AND r.claimed_by > c.value ORDER BY r.claimed_by LIMIT 1)
    FROM c WHERE c.value IS NOT NULL
)
SELECT value FROM p WHERE value IS NOT NULL UNION SELECT value FROM c WHERE value IS NOT NULL LIMIT 2000;

-- name: pressing
-- Those that may need attention first: of every reason the first few. Which of them come first is ranked by `attention`.
WITH found AS (
    (SELECT r.thread_id, r.id FROM {due} ORDER BY coalesce(r.due_at, 'infinity'), r.seq LIMIT %(few)s)
    UNION (SELECT r.thread_id, r.id FROM {ranked} ORDER BY r.rank, r.seq LIMIT %(few)s)
    UNION (SELECT r.thread_id, r.id FROM {blocking} ORDER BY r.seq LIMIT %(few)s)
    UNION (SELECT r.thread_id, r.id FROM {blocking_first} ORDER BY r.seq LIMIT %(few)s)
    UNION (SELECT r.thread_id, r.id FROM {grave} ORDER BY r.seq LIMIT %(few)s)
    UNION (SELECT r.thread_id, r.id FROM {escalated} ORDER BY r.level DESC, r.seq LIMIT %(few)s)
    UNION (SELECT r.thread_id, r.id FROM {oldest} ORDER BY r.seq LIMIT %(few)s)
)
SELECT r.seq, r.thread_id, r.id, r.question, r.owner, r.person, r.priority, r.risk, r.blocking, r.level, r.asked_at, r.due_at,
       r.action, now() AS now,
       CASE WHEN r.gate IS NOT NULL THEN hitl.asked_part(r.payload, ARRAY['action']) END AS sheet,
       CASE WHEN r.gate IS NOT NULL THEN hitl.asked_part(r.payload, ARRAY['consequence']) #>> '{}' END AS consequence
FROM found f JOIN hitl.reviews r ON r.thread_id = f.thread_id AND r.id = f.id;

-- name: find
-- Cases by the beginning of their id or thread, for the palette.
SELECT r.thread_id, r.id, r.question, r.owner, r.gate, r.status, r.asked_at,
       CASE WHEN r.gate IS NOT NULL THEN hitl.asked_part(r.payload, ARRAY['consequence']) #>> '{}' END AS consequence
FROM hitl.reviews r
WHERE r.status = 'pending' {where}
ORDER BY r.seq LIMIT %(limit)s;

-- name: by_id
-- Whatever its status, by the first characters of its id.
SELECT r.thread_id, r.id, r.question, r.owner, r.gate, r.status, r.asked_at,
       CASE WHEN r.gate IS NOT NULL THEN hitl.asked_part(r.payload, ARRAY['consequence']) #>> '{}' END AS consequence
FROM hitl.reviews r WHERE r.id LIKE %(prefix)s ORDER BY r.id LIMIT %(limit)s;

-- name: filters
SELECT name, query FROM hitl.filters WHERE person = %(key)s ORDER BY lower(name), name;

-- name: save_filter
-- A name that is there already gets the new view; nobody keeps more than fifty.
INSERT INTO hitl.filters AS f (person, name, query)
SELECT %(key)s, %(name)s, %(query)s::json
WHERE (SELECT count(*) FROM hitl.filters WHERE person = %(key)s AND name <> %(name)s) < 50
ON CONFLICT (tenant, person, name) DO UPDATE SET query = excluded.query, saved_at = now()
RETURNING name;

-- name: drop_filter
DELETE FROM hitl.filters WHERE person = %(key)s AND name = %(name)s RETURNING name;
