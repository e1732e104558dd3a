-- Sealing, verifying and exporting the audit log. Times are written by the database, to the microsecond and in UTC, for
-- they are hashed as text.

-- name: try_seal
-- One sealer of a tenant at a time.
SELECT pg_try_advisory_xact_lock(hashtextextended('hitl-seal:' || hitl.tenant(), 0)) AS got;

-- name: wait_seal
SELECT pg_advisory_xact_lock(hashtextextended('hitl-seal:' || hitl.tenant(), 0));

-- name: head
-- The end of the chain; 32 zero bytes where nothing is sealed.
SELECT hitl.tenant() AS tenant, coalesce(last.seq, 0) AS seq, coalesce(encode(last.hash, 'hex'), repeat('0', 64)) AS hash,
       to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
FROM (SELECT) AS one LEFT JOIN (SELECT seq, hash FROM hitl.chain ORDER BY seq DESC LIMIT 1) AS last ON true;

-- name: next_unsealed
-- Events that wait for their seal, oldest first.
SELECT e.id, to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, e.type, e.thread_id, e.review_id,
       e.salt, e.data::text AS data
FROM hitl.unsealed u JOIN hitl.events e ON e.id = u.event_id
ORDER BY u.event_id LIMIT %(limit)s;

-- name: append
-- The next seals.
INSERT INTO hitl.chain (seq, event_id, data_digest, prev, hash)
SELECT * FROM unnest(%(seqs)s::bigint[], %(events)s::bigint[], %(digests)s::bytea[], %(prevs)s::bytea[], %(hashes)s::bytea[]);

-- name: sealed
-- Their events wait no longer.
SELECT hitl.wait_no_longer(%(events)s::bigint[]);

-- name: sealed_of
SELECT c.seq FROM hitl.events e JOIN hitl.chain c ON c.event_id = e.id WHERE e.thread_id = %(thread_id)s LIMIT 1;

-- name: seals
-- The chain with its events, in order.
SELECT c.seq, c.event_id, c.data_digest, c.prev, c.hash, e.id,
       to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at, e.type, e.thread_id, e.review_id, e.salt,
       e.data::text AS data
FROM hitl.chain c LEFT JOIN hitl.events e ON e.id = c.event_id
WHERE c.seq > %(after)s
ORDER BY c.seq;

-- name: unsealed
-- Events that no seal holds; those that have waited for more than a minute; one that waited and is gone; and one that
-- does not wait for its seal, as every event does.
SELECT count(*) AS unsealed, count(*) FILTER (WHERE e.at < now() - interval '1 minute') AS late,
       (SELECT min(u.event_id) FROM hitl.unsealed u
        WHERE NOT EXISTS (SELECT FROM hitl.events g WHERE g.id = u.event_id)) AS gone,
       min(e.id) FILTER (WHERE NOT EXISTS (SELECT FROM hitl.unsealed u WHERE u.event_id = e.id)) AS held_back
FROM hitl.events e
WHERE NOT EXISTS (SELECT FROM hitl.chain c WHERE c.event_id = e.id);

-- name: diverged_decision
-- The first decision that is not what the last event about it says. Of an answer from elsewhere the event holds who gave
-- it, as far as is known. What was erased has nothing to compare. A parameter that is null does not filter.
SELECT e.id AS event_id, format('the decision on review %%s of thread %%s is not what its event says', d.review_id, d.thread_id)
           AS problem
FROM hitl.decisions d
LEFT JOIN LATERAL (
    SELECT v.id, v.type, v.data FROM hitl.events v
    WHERE v.thread_id = d.thread_id AND v.review_id = d.review_id AND CASE WHEN d.via = 'resume'
          THEN v.type IN ('decided', 'decided_elsewhere', 'answer_known', 'failed') ELSE v.type IN ('decided', 'undone') END
    ORDER BY v.id DESC LIMIT 1
) AS e ON true
WHERE (%(thread_id)s::text IS NULL OR d.thread_id = %(thread_id)s) AND (%(id)s::text IS NULL OR d.review_id = %(id)s)
  AND (e.id IS NULL OR e.data IS NOT NULL AND CASE
    WHEN e.type IN ('decided_elsewhere', 'answer_known') THEN e.data ->> 'by' IS DISTINCT FROM d.by
    WHEN e.type = 'failed' THEN false
    ELSE (e.type, e.data ->> 'by', e.data ->> 'via', e.data ->> 'digest', e.data ->> 'final_digest',
          e.data ->> 'decision', e.data ->> 'identity')
         IS DISTINCT FROM ('decided', d.by, d.via, d.digest, d.final_digest, d.decision::text, d.identity::text) END)
ORDER BY d.decided_at, d.thread_id, d.review_id LIMIT 1;

-- name: diverged_effect
-- The first act that is not what the last event of its beginning says. A parameter that is null does not filter.
SELECT e.id AS event_id, format('the act %%s of thread %%s is not what its event says', f.key, f.thread_id) AS problem
FROM hitl.effects f
LEFT JOIN LATERAL (
    SELECT v.id, v.data FROM hitl.events v
    WHERE v.thread_id = f.thread_id AND v.review_id = coalesce(f.review_id, '') AND v.type = 'effect_begun'
      AND (v.data IS NULL OR v.data ->> 'key' = f.key)
    ORDER BY v.id DESC LIMIT 1
) AS e ON true
WHERE (%(thread_id)s::text IS NULL OR f.thread_id = %(thread_id)s) AND (%(id)s::text IS NULL OR f.review_id = %(id)s)
  AND (e.id IS NULL OR e.data IS NOT NULL AND (e.data ->> 'action', e.data ->> 'by', e.data ->> 'digest')
                       IS DISTINCT FROM (f.action, f.by, f.digest))
ORDER BY f.started_at, f.key LIMIT 1;

-- name: before_first
-- The seal to start an export after: the one before the first that is wanted, or the last when none is.
SELECT c.seq, encode(c.hash, 'hex') AS hash FROM hitl.chain c
WHERE c.seq = (
    SELECT coalesce(min(w.seq) - 1, (SELECT max(seq) FROM hitl.chain))
    FROM hitl.chain w JOIN hitl.events e ON e.id = w.event_id
    WHERE (%(thread_id)s::text IS NULL OR e.thread_id = %(thread_id)s)
      AND (%(since)s::timestamptz IS NULL OR e.at >= %(since)s));

-- name: story_events
-- What happened to one case, with the seal of each event.
SELECT e.id, e.at, e.type, e.data, c.seq AS seal, encode(c.hash, 'hex') AS hash
FROM hitl.events e LEFT JOIN hitl.chain c ON c.event_id = e.id
WHERE e.thread_id = %(thread_id)s AND e.review_id = %(id)s
ORDER BY e.id;

-- name: story_decision
-- The decision as it is kept, with who decided as the server knew them then.
SELECT type, decision, by, via, identity, digest, final_digest, decided_at, dispatched_at
FROM hitl.decisions WHERE thread_id = %(thread_id)s AND review_id = %(id)s;

-- name: story_erased
-- When its thread was erased last, by whom and why.
SELECT at, data ->> 'by' AS by, data ->> 'reason' AS reason
FROM hitl.events WHERE thread_id = %(thread_id)s AND type = 'erased' ORDER BY id DESC LIMIT 1;

-- name: story_effects
-- What was done on the strength of it.
SELECT key, action, digest, by, status, idempotent, attempt, error, started_at, finished_at
FROM hitl.effects WHERE thread_id = %(thread_id)s AND review_id = %(id)s
ORDER BY started_at, key;

-- name: erasures
-- Threads that were erased, latest first.
SELECT thread_id, by, reason, erased_at FROM hitl.erasures ORDER BY id DESC LIMIT %(limit)s;
