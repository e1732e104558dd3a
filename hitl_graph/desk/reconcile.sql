-- What a crash, a foreign saver or a hand in the database leaves behind. The statements that find threads take a limit
-- and may name one; a parameter that is null does not filter.

-- name: try_lock
-- One at a time in a tenant.
SELECT pg_try_advisory_xact_lock(hashtextextended('hitl-reconcile:' || hitl.tenant(), 0)) AS got, hitl.has_jobs() AS jobs;

-- name: has_jobs
SELECT hitl.has_jobs() AS jobs;

-- name: decided_not_resumed
-- Decisions that nobody is telling their thread. They wait since they might be told, were put back, or were let go.
SELECT found.*, found.since <= now() - make_interval(secs => %(alarm_s)s) AS late
FROM (
    SELECT r.thread_id, r.id AS review_id, r.workflow, d.by, d.type, greatest(
               d.dispatch_at,
               (SELECT max(e.at) FROM hitl.events e
                WHERE e.thread_id = r.thread_id AND e.review_id = r.id AND e.type = 'retried'),
               (SELECT max(h.released_at) FROM hitl.holds h
                WHERE h.scope <> 'thread' OR h.value = r.thread_id)) AS since
    FROM hitl.reviews r JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
    WHERE r.status = 'decided' AND d.dispatch_at <= now() - make_interval(secs => %(patience_s)s)
      AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
      AND hitl.held(r.thread_id, r.workflow, NULL) IS NULL
      AND NOT EXISTS (
          SELECT FROM hitl.runs u
          WHERE u.thread_id = r.thread_id AND u.holder IS NOT NULL AND u.lease_until >= now()
            AND NOT pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0)))
) AS found
WHERE found.since <= now() - make_interval(secs => %(patience_s)s)
ORDER BY since LIMIT %(limit)s;

-- name: alarm
-- Once for each decision.
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'alarm', d.thread_id, d.review_id, json_build_object(
    'event', 'decided_not_resumed', 'by', 'system:reconcile', 'decided_at', d.decided_at,
    'because', format('decided by %%s, and nobody has told the thread', d.by))
FROM unnest(%(thread_ids)s::text[], %(ids)s::text[]) AS late (thread_id, id)
JOIN hitl.decisions d ON d.thread_id = late.thread_id AND d.review_id = late.id
WHERE NOT EXISTS (
    SELECT FROM hitl.events a
    WHERE a.thread_id = d.thread_id AND a.review_id = d.review_id AND a.type = 'alarm' AND a.at >= d.decided_at
      AND a.data ->> 'event' = 'decided_not_resumed');

-- name: runs_left_behind
-- Runs whose process is gone, or has not shown itself for as long as its lease. `noted`: what it was given is known.
-- `told`: a worker takes it up, or only has to see that its thread waits for an answer; what is left in the middle with
-- nothing to be told is a person's. `acting`: what is still at an act of the thread, such as a process that was stopped
-- in the middle of it.
SELECT u.thread_id, NULL AS review_id, u.started_at AS since, u.holder, u.reviews <> '{}' AS noted,
       (SELECT string_agg(DISTINCT format('%%s (%%s)', e.holder, e.action), ', ') FROM hitl.effects e
        WHERE e.thread_id = u.thread_id AND e.status = 'started' AND e.holder IS NOT NULL
          AND NOT pg_try_advisory_xact_lock_shared(hashtextextended('hitl-effect:' || e.key, 0))) AS acting,
       coalesce(b.waits, true) AS told
FROM hitl.runs u LEFT JOIN hitl.broken_off() b ON b.thread_id = u.thread_id
WHERE u.holder IS NOT NULL AND (%(thread_id)s::text IS NULL OR u.thread_id = %(thread_id)s)
  AND (u.lease_until < now() OR pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0)))
  AND hitl.held(u.thread_id, NULL, NULL) IS NULL
ORDER BY since LIMIT %(limit)s;

-- name: drop_empty_runs
-- Runs that broke off before they had stored or done anything: there is nothing to go on with.
WITH dropped AS (
    UPDATE hitl.runs u SET holder = NULL, reviews = '{}', broken_off = false
    FROM hitl.broken_off() b
    WHERE u.thread_id = b.thread_id AND NOT b.stored AND u.holder = b.holder AND u.started_at = b.started_at
      AND NOT EXISTS (SELECT FROM hitl.effects e WHERE e.thread_id = u.thread_id AND e.started_at >= u.started_at)
    RETURNING u.thread_id, b.holder
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'run_dropped', thread_id, '', json_build_object(
    'by', 'system:reconcile', 'because', format('%%s ended before its run had stored anything', holder))
FROM dropped RETURNING id;

-- name: prune_requests
-- Idempotency keys of cases that were closed long ago: whoever sends one again now is told that the case is closed.
DELETE FROM hitl.requests WHERE key IN (
    SELECT q.key FROM hitl.requests q JOIN hitl.reviews r ON r.thread_id = q.thread_id AND r.id = q.review_id
    WHERE q.at < now() - make_interval(days => %(days)s) AND r.closed_at < now() - make_interval(days => %(days)s)
      AND r.status IN ('applied', 'superseded')
    ORDER BY q.at LIMIT %(limit)s FOR UPDATE OF q SKIP LOCKED);

-- name: prune_links
-- Used links that have expired are refused for that.
DELETE FROM hitl.used_links WHERE nonce IN (
    SELECT nonce FROM hitl.used_links WHERE expires_at <= now() ORDER BY expires_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED);

-- name: put_jobs
-- A job for each of these threads that no job stands for. The tables are there: `try_lock` has said so.
SELECT hitl.enqueue_resume(t.id), t.id AS thread_id FROM (SELECT DISTINCT unnest(%(thread_ids)s::text[]) AS id) AS t
WHERE NOT EXISTS (
    SELECT FROM hitl_jobs.procrastinate_jobs j WHERE j.status = 'doing' AND j.lock = hitl.lock_of(t.id))
  AND NOT EXISTS (
    SELECT FROM hitl_jobs.procrastinate_jobs j
    WHERE j.status = 'todo'
      AND j.queueing_lock IN ('resume:' || hitl.lock_of(t.id), 'wake-resume:' || hitl.lock_of(t.id)));

-- name: open_threads
-- The next threads that have an open case, by name: each look takes a few, and all are seen in turn.
SELECT DISTINCT thread_id FROM hitl.reviews
WHERE status IN ('pending', 'decided', 'failed') AND thread_id > %(after)s
ORDER BY thread_id LIMIT %(limit)s;

-- name: rows_without_pause
-- Open cases whose thread does not stand at the checkpoint that they were asked at. Our savers close a case in the
-- transaction that leaves it: what is found here was written past them. What was taken before it failed has left its
-- checkpoint rightly.
SELECT r.thread_id, r.id AS review_id, r.asked_at AS since, r.status, r.question, head.id AS head
FROM hitl.reviews r
LEFT JOIN LATERAL (
    SELECT max(c.checkpoint_id) AS id FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = ''
) AS head ON true
WHERE r.status IN ('pending', 'decided', 'failed') AND r.closed_at IS NULL
  AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
  AND head.id IS DISTINCT FROM r.checkpoint_id
ORDER BY since LIMIT %(limit)s;

-- name: lock_rows_without_pause
-- The same for some threads, without those that somebody is at, and held fast for `leave_behind`, which looks again.
SELECT r.thread_id, r.id
FROM hitl.reviews r
LEFT JOIN LATERAL (
    SELECT max(c.checkpoint_id) AS id FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = ''
) AS head ON true
WHERE r.thread_id = ANY (%(thread_ids)s) AND r.status IN ('pending', 'decided') AND r.closed_at IS NULL
  AND head.id IS DISTINCT FROM r.checkpoint_id
FOR UPDATE OF r SKIP LOCKED;

-- name: leave_behind
-- Nobody is asked where the thread does not stand any more. Where somebody has decided, a person hears of it.
WITH gone AS (
    SELECT r.thread_id, r.id, r.status, CASE WHEN head.id IS NULL THEN 'the thread is gone'
           ELSE 'the thread stands at another checkpoint, written or restored past our savers' END AS because
    FROM unnest(%(thread_ids)s::text[], %(ids)s::text[]) AS found (thread_id, id)
    JOIN hitl.reviews r ON r.thread_id = found.thread_id AND r.id = found.id
    LEFT JOIN LATERAL (
        SELECT max(c.checkpoint_id) AS id FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = ''
    ) AS head ON true
    WHERE r.status IN ('pending', 'decided') AND r.closed_at IS NULL AND head.id IS DISTINCT FROM r.checkpoint_id
), closed AS (
    UPDATE hitl.reviews r
    SET status = CASE r.status WHEN 'decided' THEN 'failed' ELSE 'superseded' END,
        closed_at = CASE r.status WHEN 'decided' THEN NULL ELSE now() END,
        error = CASE r.status WHEN 'decided' THEN 'it was decided, but ' || g.because || ': nothing of it was done' END
    FROM gone g WHERE r.thread_id = g.thread_id AND r.id = g.id
    RETURNING r.thread_id, r.id, r.status, r.error, g.because
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT status, thread_id, id, json_build_object('by', 'system:reconcile', 'because', because, 'error', error)
FROM closed RETURNING id;

-- name: poisoned
-- Answers that are stored and not taken: one that a task had when it raised, which is given to it again and again; and
-- one that LangGraph's own saver kept for whatever asks next.
SELECT a.thread_id, r.id AS review_id, coalesce(r.asked_at, (c.checkpoint ->> 'ts')::timestamptz) AS since, r.error,
       a.task_id = '00000000-0000-0000-0000-000000000000' AS for_anybody
FROM checkpoint_writes a
JOIN checkpoints c ON c.thread_id = a.thread_id AND c.checkpoint_ns = '' AND c.checkpoint_id = a.checkpoint_id
LEFT JOIN LATERAL (
    SELECT r.id, r.asked_at, r.error FROM hitl.reviews r
    WHERE r.thread_id = a.thread_id AND r.checkpoint_id = a.checkpoint_id AND r.status IN ('pending', 'failed')
      AND r.closed_at IS NULL
      AND (r.task_id = a.task_id OR a.task_id = '00000000-0000-0000-0000-000000000000')
    ORDER BY r.status, r.seq LIMIT 1
) AS r ON true
WHERE a.checkpoint_ns = '' AND a.channel = '__resume__'
  AND (%(thread_id)s::text IS NULL OR a.thread_id = %(thread_id)s)
  AND NOT EXISTS (
      SELECT FROM checkpoints n
      WHERE n.thread_id = a.thread_id AND n.checkpoint_ns = '' AND n.checkpoint_id > a.checkpoint_id)
  AND (CASE a.task_id WHEN '00000000-0000-0000-0000-000000000000' THEN EXISTS (  -- somebody there who would take it
      SELECT FROM checkpoint_writes i
      WHERE i.thread_id = a.thread_id AND i.checkpoint_ns = '' AND i.checkpoint_id = a.checkpoint_id
        AND i.channel = '__interrupt__' AND NOT EXISTS (
            SELECT FROM checkpoint_writes o
            WHERE o.thread_id = i.thread_id AND o.checkpoint_ns = '' AND o.checkpoint_id = i.checkpoint_id
              AND o.task_id = i.task_id
              AND o.channel NOT IN ('__interrupt__', '__resume__', '__error__', '__error_source_node__', '__scheduled__')))
  ELSE EXISTS (
      SELECT FROM checkpoint_writes e
      WHERE e.thread_id = a.thread_id AND e.checkpoint_ns = '' AND e.checkpoint_id = a.checkpoint_id
        AND e.task_id = a.task_id AND e.channel = '__error__') END)
  AND NOT EXISTS (
      SELECT FROM hitl.reviews d WHERE d.thread_id = a.thread_id AND d.task_id = a.task_id AND d.status = 'decided')
  AND NOT EXISTS (
      SELECT FROM hitl.runs u
      WHERE u.thread_id = a.thread_id AND u.holder IS NOT NULL AND u.lease_until >= now()
        AND NOT pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0)))
ORDER BY since LIMIT %(limit)s;

-- name: stalled
-- Every question at the head is answered, and yet no newer checkpoint came: LangGraph shows such a thread as finished.
SELECT found.thread_id, NULL AS review_id, found.since
FROM (
    SELECT w.thread_id, coalesce(max(r.closed_at), max((c.checkpoint ->> 'ts')::timestamptz)) AS since
    FROM checkpoint_writes w
    JOIN checkpoints c ON c.thread_id = w.thread_id AND c.checkpoint_ns = '' AND c.checkpoint_id = w.checkpoint_id
    LEFT JOIN hitl.reviews r ON r.thread_id = w.thread_id AND r.checkpoint_id = w.checkpoint_id
    WHERE w.checkpoint_ns = '' AND w.channel = '__interrupt__'
      AND (%(thread_id)s::text IS NULL OR w.thread_id = %(thread_id)s)
      AND NOT EXISTS (
          SELECT FROM checkpoints n
          WHERE n.thread_id = w.thread_id AND n.checkpoint_ns = '' AND n.checkpoint_id > w.checkpoint_id)
    GROUP BY w.thread_id, w.checkpoint_id
    HAVING bool_and(EXISTS (
        SELECT FROM checkpoint_writes o
        WHERE o.thread_id = w.thread_id AND o.checkpoint_ns = '' AND o.checkpoint_id = w.checkpoint_id
          AND o.task_id = w.task_id
          AND o.channel NOT IN ('__interrupt__', '__resume__', '__error__', '__error_source_node__', '__scheduled__')))
) AS found
WHERE found.since <= now() - make_interval(secs => %(patience_s)s)
  AND hitl.held(found.thread_id, NULL, NULL) IS NULL
  AND NOT EXISTS (
      SELECT FROM hitl.runs u
      WHERE u.thread_id = found.thread_id AND u.holder IS NOT NULL AND u.lease_until >= now()
        AND NOT pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0)))
ORDER BY since LIMIT %(limit)s;

-- name: unknown_effects
-- Acts of which nobody knows whether they were done: said to be, or begun by a process that is gone.
SELECT e.thread_id, e.review_id, e.started_at AS since, e.action, e.by, e.key, e.error, e.holder
FROM hitl.effects e
WHERE e.status IN ('started', 'unknown') AND (%(thread_id)s::text IS NULL OR e.thread_id = %(thread_id)s)
  AND (e.status = 'unknown' OR (
      NOT e.idempotent AND pg_try_advisory_xact_lock_shared(hashtextextended('hitl-effect:' || e.key, 0))))
ORDER BY since LIMIT %(limit)s;

-- name: failed
-- Threads that raised, at the gate or after it. `void`: a stop or a takeover came after the decision that they stand
-- behind, and nothing acts on it any more. `refused`: the ledger has refused the act that was to come of it.
SELECT r.thread_id, r.id AS review_id, r.error, r.workflow, coalesce(
    (SELECT max(e.at) FROM hitl.events e WHERE e.thread_id = r.thread_id AND e.review_id = r.id AND e.type = 'failed'),
    r.asked_at) AS since, EXISTS (
    SELECT FROM hitl.decisions d
    WHERE d.thread_id = r.thread_id AND d.review_id = r.id AND d.voided_by IS NOT NULL AND d.dispatched_at IS NOT NULL) AS void,
    r.refused_at IS NOT NULL AS refused
FROM hitl.reviews r
WHERE r.status = 'failed' AND (%(thread_id)s::text IS NULL OR r.thread_id = %(thread_id)s)
ORDER BY since LIMIT %(limit)s;

-- name: starts_failed
-- First runs that raised, and were not asked for again since.
SELECT s.thread_id, NULL AS review_id, s.finished_at AS since, s.workflow, s.error, s.id
FROM hitl.starts s
WHERE s.status = 'failed' AND (%(thread_id)s::text IS NULL OR s.thread_id = %(thread_id)s)
  AND NOT EXISTS (SELECT FROM hitl.starts n WHERE n.thread_id = s.thread_id AND n.id > s.id)
ORDER BY since LIMIT %(limit)s;

-- name: standing_still
-- Threads that raised when they went on with another thread's result, or were run on because their run broke off.
SELECT w.thread_id, NULL AS review_id, w.since, w.error, w.child
FROM hitl.waits w
WHERE w.error IS NOT NULL AND (%(thread_id)s::text IS NULL OR w.thread_id = %(thread_id)s)
UNION ALL
SELECT u.thread_id, NULL, u.started_at, u.error, NULL
FROM hitl.runs u
WHERE u.error IS NOT NULL AND (%(thread_id)s::text IS NULL OR u.thread_id = %(thread_id)s)
  AND u.stood_at = (SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = u.thread_id AND c.checkpoint_ns = '')
  AND NOT EXISTS (SELECT FROM hitl.waits w WHERE w.thread_id = u.thread_id AND w.error IS NOT NULL)
ORDER BY since LIMIT %(limit)s;

-- name: notices_failed
-- Messages that were given up, by target.
SELECT '' AS thread_id, NULL AS review_id, min(o.created_at) AS since, o.target_id AS target, count(*) AS notices,
       max(o.error) AS error
FROM hitl.outbox o
WHERE o.status = 'failed'
GROUP BY o.target_id ORDER BY since LIMIT %(limit)s;

-- name: timers_overdue
-- Reminders, escalations and expiries that should have been acted on some minutes ago.
SELECT '' AS thread_id, NULL AS review_id, min(t.at) AS since, count(*) AS timers
FROM hitl.timers t JOIN hitl.reviews r ON r.thread_id = t.thread_id AND r.id = t.review_id
WHERE t.done_at IS NULL AND t.at < now() - make_interval(secs => %(overdue_s)s) AND r.status = 'pending'
HAVING count(*) > 0;

-- name: unsealed
-- Events that should have been sealed long ago.
SELECT '' AS thread_id, NULL AS review_id, min(e.at) AS since, count(*) AS events
FROM hitl.unsealed u JOIN hitl.events e ON e.id = u.event_id
WHERE e.at < now() - make_interval(secs => %(alarm_s)s)
HAVING count(*) > 0;

-- name: workers
-- This tenant's workers that have shown themselves, and its jobs that wait for one.
SELECT '' AS thread_id, NULL AS review_id, NULL::timestamptz AS since,
       (SELECT count(*) FROM hitl_jobs.procrastinate_workers w WHERE w.last_heartbeat > now() - interval '30 seconds') AS alive,
       (SELECT count(*) FROM hitl_jobs.procrastinate_jobs j
        WHERE j.status = 'todo' AND (j.scheduled_at IS NULL OR j.scheduled_at <= now())
          AND j.lock = hitl.lock_of(j.args ->> 'thread_id')) AS jobs;

-- name: starts_waiting
-- First runs by workflow that should have begun long ago, and whose queue no worker has taken anything of: none has this
-- graph. What waits for its thread to end, or is held, is in order. `start` is the oldest.
SELECT '' AS thread_id, NULL AS review_id, min(s.asked_at) AS since, s.workflow, count(*) AS jobs, min(s.id) AS start
FROM hitl.starts s
WHERE s.status = 'queued' AND s.asked_at < now() - make_interval(secs => %(alarm_s)s)
  AND hitl.held(s.thread_id, s.workflow, NULL) IS NULL
  AND NOT EXISTS (SELECT FROM hitl.runs u WHERE u.thread_id = s.thread_id AND u.holder IS NOT NULL)
  AND NOT EXISTS (SELECT FROM hitl.waits w WHERE w.thread_id = s.thread_id AND NOT w.taken)
  AND NOT EXISTS (
      SELECT FROM hitl.reviews r WHERE r.thread_id = s.thread_id AND r.status IN ('pending', 'decided', 'failed'))
  AND NOT EXISTS (
      SELECT FROM hitl_jobs.procrastinate_jobs j WHERE j.queue_name = hitl.queue_of(s.workflow) AND j.status = 'doing')
GROUP BY s.workflow ORDER BY since LIMIT %(limit)s;

-- name: alarm_starts
-- Once for the oldest of a workflow, when its job has waited for so long: one that was let go or asked for again just
-- now has its worker coming.
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'alarm', s.thread_id, '', json_build_object(
    'event', 'start_not_begun', 'by', 'system:reconcile', 'start', s.id, 'workflow', s.workflow, 'asked_at', s.asked_at,
    'because', format('no worker takes first runs of %%s', s.workflow))
FROM hitl.starts s
WHERE s.id = ANY (%(starts)s::bigint[]) AND EXISTS (
    SELECT FROM hitl_jobs.procrastinate_jobs j JOIN hitl_jobs.procrastinate_events p ON p.job_id = j.id
    WHERE j.status = 'todo' AND j.queueing_lock = 'start:' || hitl.lock_of(s.thread_id)
      AND p.type = 'deferred' AND p.at < now() - make_interval(secs => %(alarm_s)s))
  AND NOT EXISTS (
    SELECT FROM hitl.events a
    WHERE a.thread_id = s.thread_id AND a.type = 'alarm' AND a.data ->> 'start' = s.id::text);
