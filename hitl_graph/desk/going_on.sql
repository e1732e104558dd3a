-- Threads that go on without an answer of their own: the case that they wait for is decided in its own thread, or what
-- held their act is released.

-- name: ready_threads
-- Which they are. Whose graph cannot be told, by name or by node, is left unless it is asked for by its id. Where a run
-- goes on so already, or did when its process died, nobody has to be waited for.
SELECT thread_id, first, nodes, workflow IS NOT NULL AS named,
       NOT EXISTS (SELECT FROM hitl.runs u WHERE u.thread_id = g.thread_id AND u.holder IS NOT NULL
                   AND 'going on' = ANY (u.reviews)) AS decided
FROM hitl.ready() g
WHERE (%(thread_ids)s::text[] IS NULL OR thread_id = ANY (%(thread_ids)s) OR children && %(thread_ids)s)
  AND (workflow IS NULL OR %(workflow)s::text IS NULL OR workflow = %(workflow)s)
  AND (workflow IS NOT NULL OR nodes <> '{}' OR thread_id = ANY (%(thread_ids)s))
  AND hitl.held(thread_id, workflow, NULL) IS NULL
ORDER BY first
LIMIT %(limit)s;

-- name: went_on
-- The thread has gone on as far as it could: what it halted at before this run is done with, and so are the results
-- that it has taken.
WITH halted AS (
    DELETE FROM hitl.halted h USING hitl.runs u
    WHERE h.thread_id = %(thread_id)s AND u.thread_id = h.thread_id AND h.at < u.started_at
)
DELETE FROM hitl.waits WHERE thread_id = %(thread_id)s AND taken;

-- name: in_the_way
-- Whether a thread whose run broke off must be left, for it is held now.
SELECT hitl.held(%(thread_id)s, %(workflow)s, NULL) IS NOT NULL AS held;

-- name: stand_still
-- It raised: it is not tried again by itself, and its waits and its run say why.
WITH halted AS (
    DELETE FROM hitl.halted h USING hitl.runs u
    WHERE h.thread_id = %(thread_id)s AND u.thread_id = h.thread_id AND h.at < u.started_at
), waits AS (
    UPDATE hitl.waits SET error = %(error)s WHERE thread_id = %(thread_id)s
), run AS (
    UPDATE hitl.runs SET error = %(error)s, stood_at = (
        SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = %(thread_id)s AND c.checkpoint_ns = '')
    WHERE thread_id = %(thread_id)s
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
VALUES ('stood_still', %(thread_id)s, '', json_build_object('error', %(raised)s::text));
