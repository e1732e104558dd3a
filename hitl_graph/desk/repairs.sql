-- What a person has done to a thread that does not go on by itself.

-- name: reopen
-- The answer of a case that failed is taken back, with what was stored of it, so that the case can be asked again. Only
-- while the thread stands at it, nothing was begun on the strength of it, and nobody's other answer is stored with it.
WITH asked AS (
    SELECT DISTINCT w.thread_id, w.checkpoint_id, w.task_id
    FROM hitl.reviews r
    JOIN checkpoint_writes w
      ON w.thread_id = r.thread_id AND w.checkpoint_ns = '' AND w.checkpoint_id = r.checkpoint_id
     AND w.channel = '__interrupt__' AND position(convert_to(r.id, 'UTF8') IN w.blob) > 0
    WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s AND r.status IN ('pending', 'failed')
      AND r.checkpoint_id = (
          SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = '')
      AND NOT EXISTS (SELECT FROM hitl.effects e WHERE e.review_id = r.id AND e.status <> 'not_done')
      AND NOT EXISTS (
          SELECT FROM hitl.reviews o
          WHERE o.thread_id = r.thread_id AND o.checkpoint_id = r.checkpoint_id AND o.task_id = r.task_id
            AND o.id <> r.id AND o.status = 'applied')
), untold AS (
    DELETE FROM checkpoint_writes w USING asked a
    WHERE w.thread_id = a.thread_id AND (
        (w.checkpoint_ns = '' AND w.checkpoint_id = a.checkpoint_id AND w.task_id = a.task_id
         AND w.channel <> '__interrupt__')
        OR (w.checkpoint_ns = '' AND w.checkpoint_id = a.checkpoint_id AND w.channel = '__resume__'
            AND w.task_id = '00000000-0000-0000-0000-000000000000')
        OR (position(':' || a.task_id IN w.checkpoint_ns) > 0 AND w.channel <> '__interrupt__' AND EXISTS (
            SELECT FROM checkpoint_writes i
            WHERE i.thread_id = w.thread_id AND i.checkpoint_ns = w.checkpoint_ns
              AND i.checkpoint_id = w.checkpoint_id AND i.task_id = w.task_id AND i.channel = '__interrupt__')))
    RETURNING w.task_id
), again AS (
    UPDATE hitl.reviews r
    SET status = 'pending', closed_at = NULL, error = format('asked again by %%s: %%s', %(by)s::text, %(reason)s::text)
    WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s AND EXISTS (SELECT FROM asked)
      AND (r.status = 'failed' OR EXISTS (SELECT FROM untold))
    RETURNING r.thread_id, r.id, r.digest
), void AS (
    DELETE FROM hitl.decisions d USING again a WHERE d.thread_id = a.thread_id AND d.review_id = a.id
    RETURNING d.decision, d.by, d.via
), unsaid AS (
    DELETE FROM hitl.votes v USING again a WHERE v.thread_id = a.thread_id AND v.review_id = a.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'reopened', a.thread_id, a.id, json_build_object(
    'by', %(by)s::text, 'because', %(reason)s::text, 'digest', a.digest, 'decision', v.decision, 'decided_by', v.by,
    'stored_writes', (SELECT count(*) FROM untold))
FROM again a LEFT JOIN void v ON true RETURNING id;

-- name: why_not_reopened
-- What stands in the way of asking again.
SELECT r.status, r.checkpoint_id IS DISTINCT FROM (
           SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = ''
       ) AS left_behind,
       (SELECT e.action || ' is ' || e.status FROM hitl.effects e
        WHERE e.review_id = r.id AND e.status <> 'not_done' LIMIT 1) AS act,
       EXISTS (SELECT FROM hitl.reviews o
               WHERE o.thread_id = r.thread_id AND o.checkpoint_id = r.checkpoint_id AND o.task_id = r.task_id
                 AND o.id <> r.id AND o.status = 'applied') AS shared
FROM hitl.reviews r WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s;

-- name: set_aside
-- A case that failed is closed without an answer: its thread does not stand at it any more.
WITH closed AS (
    UPDATE hitl.reviews r SET status = 'superseded', closed_at = now(), error = NULL
    WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s AND r.status = 'failed'
      AND r.checkpoint_id IS DISTINCT FROM (
          SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = '')
    RETURNING r.thread_id, r.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object('by', %(by)s::text, 'because', %(reason)s::text)
FROM closed RETURNING id;

-- name: in_the_way
-- Why a thread must not be run on without an answer; null when nothing is in the way.
SELECT coalesce(
    (SELECT 'it is held: ' || h.why FROM (SELECT hitl.held(%(thread_id)s, NULL, NULL) AS why) AS h WHERE h.why IS NOT NULL),
    (SELECT 'there is no such thread' WHERE NOT EXISTS (
        SELECT FROM checkpoints c WHERE c.thread_id = %(thread_id)s AND c.checkpoint_ns = '')),
    (SELECT CASE WHEN EXISTS (
                SELECT FROM checkpoint_writes a
                WHERE a.thread_id = w.thread_id AND a.checkpoint_ns = '' AND a.checkpoint_id = w.checkpoint_id
                  AND a.channel = '__resume__' AND a.task_id IN (w.task_id, '00000000-0000-0000-0000-000000000000'))
            THEN 'an answer is stored that it would be given again: reopen its case first'
            ELSE 'it waits for an answer' END
     FROM checkpoint_writes w
     WHERE w.thread_id = %(thread_id)s AND w.checkpoint_ns = '' AND w.channel = '__interrupt__'
       AND w.checkpoint_id = (
           SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = %(thread_id)s AND c.checkpoint_ns = '')
       AND NOT EXISTS (
           SELECT FROM checkpoint_writes o
           WHERE o.thread_id = w.thread_id AND o.checkpoint_ns = '' AND o.checkpoint_id = w.checkpoint_id
             AND o.task_id = w.task_id
             AND o.channel NOT IN ('__interrupt__', '__resume__', '__error__', '__error_source_node__', '__scheduled__'))
     LIMIT 1)) AS why;

-- name: told_to_run_on
INSERT INTO hitl.events (type, thread_id, review_id, data)
VALUES ('run_on', %(thread_id)s, '', json_build_object('by', %(by)s::text));

-- name: known_thread
SELECT EXISTS (SELECT FROM checkpoints c WHERE c.thread_id = %(thread_id)s)
       OR EXISTS (SELECT FROM hitl.reviews r WHERE r.thread_id = %(thread_id)s)
       OR EXISTS (SELECT FROM hitl.starts s WHERE s.thread_id = %(thread_id)s)
       OR EXISTS (SELECT FROM hitl.effects e WHERE e.thread_id = %(thread_id)s) AS known;

-- name: act
-- The thread of an act, by its key; the key of most is their case's id.
SELECT thread_id, review_id FROM hitl.effects WHERE key = %(key)s;
