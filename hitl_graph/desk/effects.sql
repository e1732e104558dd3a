-- The ledger of acts, for people.

-- name: list_effects
-- Newest first. A parameter that is null does not filter. `under_way`: the process that began it still lives.
SELECT e.*, e.status = 'started'
       AND NOT pg_try_advisory_xact_lock_shared(hashtextextended('hitl-effect:' || e.key, 0)) AS under_way
FROM hitl.effects e
WHERE (%(key)s::text IS NULL OR e.key = %(key)s)
  AND (%(status)s::text IS NULL OR e.status = %(status)s)
  AND (%(thread_id)s::text IS NULL OR e.thread_id = %(thread_id)s)
ORDER BY e.started_at DESC, e.key
LIMIT %(limit)s;

-- name: settle_effect
-- A person says what came of an act whose outcome nobody knew: of one that was said to be unknown, or whose process is
-- gone. The thread that waits for it goes on.
WITH settled AS (
    UPDATE hitl.effects e SET status = CASE WHEN %(happened)s THEN 'done' ELSE 'not_done' END,
        error = %(note)s, finished_at = now()
    WHERE e.key = %(key)s AND (e.status = 'unknown' OR (
        e.status = 'started' AND pg_try_advisory_xact_lock(hashtextextended('hitl-effect:' || e.key, 0))))
    RETURNING e.key, e.thread_id, e.review_id, e.workflow, e.action
), again AS (
    UPDATE hitl.reviews r SET status = 'decided', error = NULL
    FROM settled s WHERE r.thread_id = s.thread_id AND r.status = 'failed'
      AND EXISTS (SELECT FROM hitl.decisions d WHERE d.thread_id = r.thread_id AND d.review_id = r.id)
    RETURNING r.thread_id, r.id
), goes_on AS (  -- a thread that no case puts on again: it goes on with nothing to be told
    INSERT INTO hitl.halted (thread_id, workflow, action, because)
    SELECT thread_id, workflow, action, 'its effect was settled' FROM settled s
    WHERE NOT EXISTS (SELECT FROM again a WHERE a.thread_id = s.thread_id)
    ON CONFLICT (tenant, thread_id) DO NOTHING
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'effect_settled', thread_id, coalesce(review_id, ''), json_build_object(
        'key', key, 'action', action, 'happened', %(happened)s::boolean, 'by', %(by)s::text, 'note', %(note)s::text)
    FROM settled
    UNION ALL
    SELECT 'retried', thread_id, id, json_build_object('by', %(by)s::text, 'because', 'its effect was settled') FROM again
)
SELECT thread_id, hitl.enqueue_resume(thread_id) FROM settled;

-- name: lose_effects
-- Acts whose process is gone: those whose target takes the key are tried again with their thread, of the others nobody
-- knows the outcome.
WITH lost AS (
    UPDATE hitl.effects e SET status = 'unknown', error = 'its process is gone, or has lost the database while it was at it'
    WHERE e.status = 'started' AND NOT e.idempotent
      AND pg_try_advisory_xact_lock(hashtextextended('hitl-effect:' || e.key, 0))
    RETURNING e.key, e.thread_id, e.review_id, e.action
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'effect_unknown', thread_id, coalesce(review_id, ''), json_build_object(
    'key', key, 'action', action, 'because', 'its process is gone, or has lost the database while it was at it')
FROM lost RETURNING id;
