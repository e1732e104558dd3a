-- What a saver runs in the transaction of a checkpoint write, so that reviews follow the thread exactly.
-- Each statement stands alone: in pipeline mode nothing comes back to the client in between.

-- name: check_fence
-- A run that was taken over writes nothing more.
SELECT hitl.check_fence(%(thread_id)s, %(token)s);

-- name: lock_early
-- LangGraph may store a question before the checkpoint that it is asked at, and whoever comes second must see the first.
SELECT pg_advisory_xact_lock(hashtextextended('hitl-open:' || %(thread_id)s, 0))
WHERE NOT EXISTS (
    SELECT FROM checkpoints
    WHERE thread_id = %(thread_id)s AND checkpoint_ns = '' AND checkpoint_id = %(checkpoint_id)s);

-- name: lock_checkpoint
-- The other side of `lock_early`.
SELECT pg_advisory_xact_lock(hashtextextended('hitl-open:' || %(thread_id)s, 0));

-- name: open_review
-- The thread pauses, or is found still paused. Asked again with the same words, nothing changes. Asked with other
-- words, the case changes, and a decision about the old ones is void. Asked before its checkpoint is stored, it does
-- not wait for anybody yet: it stands as superseded and never closed until `close_older` finds the checkpoint there, and
-- stays its task's when an entrypoint repeats it as early.
-- What an older checkpoint asks when it is run again is not what the thread waits for, and is left out.
-- `before` feeds the INSERT: read after it, it would be empty.
WITH before AS (
    SELECT status, digest, status = 'superseded' AND closed_at IS NULL AS early
    FROM hitl.reviews WHERE thread_id = %(thread_id)s AND id = %(id)s FOR UPDATE
), opened AS (
    INSERT INTO hitl.reviews AS r (
        thread_id, id, checkpoint_id, task_id, node, workflow, shape, gate, kind, action, question, owner, person,
        priority, payload, response_schema, digest, due_at, deadlines, approvals, status, error
    )
    SELECT %(thread_id)s, %(id)s, %(checkpoint_id)s, %(task_id)s, %(node)s, %(workflow)s, %(shape)s, %(gate)s,
           %(kind)s, %(action)s, %(question)s, %(owner)s, %(person)s, %(priority)s, %(payload)s::json,
           %(response_schema)s::json, %(digest)s, now() + make_interval(secs => %(due_s)s::float8),
           %(deadlines)s, %(approvals)s,
           CASE WHEN head.id = %(checkpoint_id)s THEN 'pending' ELSE 'superseded' END,
           CASE WHEN before.status = 'decided' THEN 'the case changed after it was decided: look at it again' END
    FROM (
        SELECT max(checkpoint_id) AS id FROM checkpoints WHERE thread_id = %(thread_id)s AND checkpoint_ns = ''
    ) AS head LEFT JOIN before ON true
    WHERE head.id IS NULL OR head.id <= %(checkpoint_id)s
    ON CONFLICT (tenant, thread_id, id) DO UPDATE SET
        checkpoint_id = excluded.checkpoint_id,
        task_id = excluded.task_id,
        node = excluded.node,
        workflow = excluded.workflow,
        shape = excluded.shape,
        gate = excluded.gate,
        kind = excluded.kind,
        action = excluded.action,
        question = excluded.question,
        owner = CASE WHEN r.rerouted THEN r.owner ELSE excluded.owner END,
        person = CASE WHEN r.rerouted THEN r.person ELSE excluded.person END,
        approvals = excluded.approvals,
        snoozed_until = NULL,
        priority = excluded.priority,
        payload = excluded.payload,
        response_schema = excluded.response_schema,
        digest = excluded.digest,
        due_at = excluded.due_at,
        deadlines = excluded.deadlines,
        status = excluded.status,
        closed_at = NULL,
        refused_at = NULL,
        error = CASE WHEN r.digest = excluded.digest THEN r.error ELSE excluded.error END
        WHERE r.digest <> excluded.digest OR (r.status NOT IN ('pending', 'decided') AND NOT (
            r.closed_at IS NULL AND r.checkpoint_id = excluded.checkpoint_id  -- early, and asked again as early
            AND r.status = 'superseded' AND excluded.status = 'superseded'))
    RETURNING thread_id, id, digest, status
), told AS (
    SELECT o.thread_id, o.id, o.digest, b.digest AS old,
           CASE WHEN b.status IS NULL OR b.early THEN 'asked'
                WHEN b.status IN ('pending', 'decided') THEN 'changed' ELSE 'reopened' END AS type
    FROM opened o LEFT JOIN before b ON true
    WHERE o.status = 'pending'
), void AS (
    DELETE FROM hitl.decisions d USING told t WHERE d.thread_id = t.thread_id AND d.review_id = t.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT type, thread_id, id, json_build_object('digest', digest, 'before', old, 'run', %(run)s::text) FROM told;

-- name: give_to_task
-- What a `@task` asks is asked by its caller as well, and may be stored for that one first: the task takes the answer.
UPDATE hitl.reviews SET task_id = %(task_id)s
WHERE thread_id = %(thread_id)s AND id = ANY (%(ids)s) AND task_id <> %(task_id)s;

-- name: close_task
-- The task wrote its output, or asks only for `keep` from now on: its other open reviews were answered. What took
-- effect is kept as the decision: the desk's, unless the answer says that it came another way.
WITH before AS (
    SELECT r.thread_id, r.id, r.digest,
           (r.status = 'decided' OR (r.status = 'failed' AND d.via <> 'resume'))
           AND (r.gate IS NULL OR %(answer)s::json IS NULL
                OR coalesce(%(answer)s::json ->> 'via', '') IN ('desk', 'system', 'webhook')) AS as_decided
    FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
    WHERE r.thread_id = %(thread_id)s AND r.checkpoint_id = %(checkpoint_id)s AND r.task_id = %(task_id)s
      AND r.status IN ('pending', 'decided', 'failed') AND NOT r.id = ANY (%(keep)s)
    ORDER BY r.id FOR UPDATE OF r
), closed AS (
    UPDATE hitl.reviews r SET status = CASE WHEN r.refused_at IS NULL THEN 'applied' ELSE 'failed' END,
        closed_at = now(), error = CASE WHEN r.refused_at IS NOT NULL THEN r.error END
    FROM before b WHERE r.thread_id = b.thread_id AND r.id = b.id
    RETURNING b.*
), elsewhere AS (
    INSERT INTO hitl.decisions (thread_id, review_id, type, decision, by, via, digest, final_digest)
    SELECT thread_id, id, 'elsewhere', %(answer)s::json, %(by)s, 'resume', digest, %(finals)s::json ->> id
    FROM closed WHERE NOT as_decided
    ON CONFLICT (tenant, thread_id, review_id) DO UPDATE SET
        type = excluded.type, decision = excluded.decision, by = excluded.by, via = excluded.via,
        digest = excluded.digest, decided_at = excluded.decided_at, final_digest = excluded.final_digest
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT CASE WHEN as_decided THEN 'applied' ELSE 'decided_elsewhere' END, thread_id, id,
       json_build_object('by', %(by)s::text, 'answer', %(answer)s::json, 'run', %(run)s::text)
FROM closed;

-- name: name_answer
-- LangGraph may store the next checkpoint before the answer that led to it: what the answer says is filled in
-- afterwards, also that it was not the desk's.
WITH before AS (
    SELECT d.thread_id, d.review_id, d.via
    FROM hitl.decisions d JOIN hitl.reviews r ON r.thread_id = d.thread_id AND r.id = d.review_id
    WHERE r.thread_id = %(thread_id)s AND r.checkpoint_id = %(checkpoint_id)s AND r.task_id = %(task_id)s
      AND r.status = 'applied'
      AND CASE WHEN d.via = 'resume' THEN d.decision IS NULL
               ELSE r.gate IS NOT NULL
                    AND coalesce(%(answer)s::json ->> 'via', '') NOT IN ('desk', 'system', 'webhook') END
), named AS (
    UPDATE hitl.decisions d SET type = 'elsewhere', decision = %(answer)s::json, by = %(by)s, via = 'resume',
        final_digest = %(finals)s::json ->> d.review_id
    FROM before b WHERE d.thread_id = b.thread_id AND d.review_id = b.review_id
    RETURNING b.*
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT CASE WHEN via = 'resume' THEN 'answer_known' ELSE 'decided_elsewhere' END, thread_id, review_id,
       json_build_object('by', %(by)s::text, 'answer', %(answer)s::json, 'run', %(run)s::text)
FROM named;

-- name: fail_task
-- The node raised after it had its answer. The event keeps no more than the error's class.
WITH failed AS (
    UPDATE hitl.reviews SET status = 'failed', error = %(error)s
    WHERE thread_id = %(thread_id)s AND checkpoint_id = %(checkpoint_id)s AND task_id = %(task_id)s
      AND status IN ('pending', 'decided')
    RETURNING thread_id, id, digest
), elsewhere AS (
    INSERT INTO hitl.decisions (thread_id, review_id, type, decision, by, via, digest)
    SELECT thread_id, id, 'elsewhere', %(answer)s::json, %(by)s, 'resume', digest FROM failed
    ON CONFLICT DO NOTHING
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'failed', thread_id, id, json_build_object('error', %(raised)s::text, 'run', %(run)s::text) FROM failed;

-- name: supersede_task
-- Somebody wrote the paused node's output by hand (update_state): nobody answered.
WITH closed AS (
    UPDATE hitl.reviews SET status = 'superseded', closed_at = now()
    WHERE thread_id = %(thread_id)s AND checkpoint_id = %(checkpoint_id)s AND task_id = %(task_id)s
      AND status IN ('pending', 'decided', 'failed')
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object('because', 'the state was edited') FROM closed;

-- name: close_older
-- A newer checkpoint: what was open before it was answered when the run came from resuming its parent, and is
-- superseded otherwise; what was asked at it already is open from now on. `stamp` is what the run resumed from, where
-- the input was used up in the resumed step itself (an entrypoint's): then the parent tells whether it was this run
-- that resumed. `stands`: an act on its answer was refused from this checkpoint on, before it was stored.
WITH before AS (
    SELECT r.thread_id, r.id, r.digest,
           CASE WHEN r.closed_at IS NOT NULL THEN 'applied'  -- taken before; its thread failed later and goes on now
                WHEN r.checkpoint_id = %(parent_id)s AND (%(resumed)s OR EXISTS (
               SELECT FROM checkpoints c
               WHERE c.thread_id = r.thread_id AND c.checkpoint_ns = '' AND c.checkpoint_id = r.checkpoint_id
                 AND c.checkpoint -> 'channel_versions' ->> '__start__' = %(stamp)s
                 AND c.checkpoint -> 'versions_seen' -> '__interrupt__' ->> '__start__' IS DISTINCT FROM %(stamp)s
           )) THEN 'applied' ELSE 'superseded' END AS becomes,
           coalesce(r.refused_at >= %(checkpoint_id)s, false) AS stands,
           r.status = 'decided' OR (r.status = 'failed' AND d.via <> 'resume') AS as_decided
    FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
    WHERE r.thread_id = %(thread_id)s AND r.checkpoint_id < %(checkpoint_id)s
      AND r.status IN ('pending', 'decided', 'failed')
    ORDER BY r.id FOR UPDATE OF r
), closed AS (
    UPDATE hitl.reviews r
    SET status = CASE WHEN b.becomes = 'applied' AND b.stands THEN 'failed' ELSE b.becomes END, closed_at = now(),
        error = CASE WHEN b.becomes = 'applied' AND b.stands THEN r.error END
    FROM before b WHERE r.thread_id = b.thread_id AND r.id = b.id
    RETURNING b.*
), elsewhere AS (
    INSERT INTO hitl.decisions (thread_id, review_id, type, decision, by, via, digest)
    SELECT thread_id, id, 'elsewhere', NULL, %(by)s, 'resume', digest FROM closed
    WHERE becomes = 'applied' AND NOT as_decided
    ON CONFLICT DO NOTHING
), early AS (
    UPDATE hitl.reviews SET status = 'pending', asked_at = now(), due_at = now() + (due_at - asked_at)
    WHERE thread_id = %(thread_id)s AND checkpoint_id = %(checkpoint_id)s
      AND status = 'superseded' AND closed_at IS NULL
    RETURNING thread_id, id, digest
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT CASE WHEN becomes = 'superseded' THEN 'superseded'
            WHEN as_decided THEN 'applied' ELSE 'decided_elsewhere' END,
       thread_id, id, json_build_object(
           'by', %(by)s::text, 'because', CASE WHEN becomes = 'superseded' THEN %(because)s::text END,
           'run', %(run)s::text)
FROM closed
UNION ALL
SELECT 'asked', thread_id, id, json_build_object('digest', digest, 'before', NULL, 'run', %(run)s::text) FROM early;

-- name: forget_threads
-- The threads are deleted: their open reviews are superseded, and kept; also those that stand in threads of their own.
WITH closed AS (
    UPDATE hitl.reviews SET status = 'superseded', closed_at = now()
    WHERE (thread_id = ANY (%(thread_ids)s)
           OR thread_id IN (SELECT child FROM hitl.detached WHERE parent = ANY (%(thread_ids)s)))
      AND status IN ('pending', 'decided', 'failed')
    RETURNING thread_id, id
), forgotten AS (  -- what was to go on when its hold is released
    DELETE FROM hitl.halted WHERE thread_id = ANY (%(thread_ids)s)
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object('because', 'the thread was deleted') FROM closed;

-- name: forget_runs
-- The runs are deleted, and with them the checkpoints that they made: what is open there is superseded.
WITH closed AS (
    UPDATE hitl.reviews r SET status = 'superseded', closed_at = now(), error = NULL
    FROM checkpoints c
    WHERE c.metadata ->> 'run_id' = ANY (%(run_ids)s) AND c.checkpoint_ns = ''
      AND r.thread_id = c.thread_id AND r.checkpoint_id = c.checkpoint_id
      AND r.status IN ('pending', 'decided', 'failed')
    RETURNING r.thread_id, r.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object('because', 'the run was rolled back') FROM closed;

-- name: restore_before_runs
-- Where a thread falls back to the checkpoint that it was paused at, what the deleted runs were told there is taken
-- back: a decision of the desk waits to be handed over again, an answer from elsewhere is void, and the case is open as
-- before. The answered task's writes go too: LangGraph would replay them. A step in which the runs also asked something
-- new stays as it is, for there the older question cannot be put again.
WITH head AS (
    SELECT c.thread_id, max(c.checkpoint_id) AS checkpoint_id
    FROM checkpoints c
    WHERE c.thread_id IN (SELECT e.thread_id FROM hitl.events e WHERE e.data ->> 'run' = ANY (%(run_ids)s))
      AND c.checkpoint_ns = '' AND (c.metadata ->> 'run_id' = ANY (%(run_ids)s)) IS NOT TRUE
    GROUP BY c.thread_id
), before AS (
    SELECT r.thread_id, r.id, r.checkpoint_id, r.digest, coalesce(d.via <> 'resume', false) AS as_decided
    FROM hitl.reviews r JOIN head h ON h.thread_id = r.thread_id AND h.checkpoint_id = r.checkpoint_id
    LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
    WHERE r.status IN ('applied', 'failed', 'superseded')
      AND (SELECT e.data ->> 'run' FROM hitl.events e
           WHERE e.thread_id = r.thread_id AND e.review_id = r.id
             AND e.type NOT IN ('answer_known', 'refused_attempt')
             AND NOT starts_with(e.type, 'effect_')  -- what was done stays done, and says nothing of who took the answer
           ORDER BY e.id DESC LIMIT 1) = ANY (%(run_ids)s)
      AND NOT EXISTS (
          SELECT FROM hitl.reviews n JOIN hitl.events e ON e.thread_id = n.thread_id AND e.review_id = n.id
          WHERE n.thread_id = r.thread_id AND n.checkpoint_id = r.checkpoint_id
            AND e.type = 'asked' AND e.data ->> 'run' = ANY (%(run_ids)s))
    ORDER BY r.id FOR UPDATE OF r
), asked AS (
    SELECT b.*, w.task_id
    FROM before b JOIN checkpoint_writes w
      ON w.thread_id = b.thread_id AND w.checkpoint_ns = '' AND w.checkpoint_id = b.checkpoint_id
     AND w.channel = '__interrupt__' AND position(convert_to(b.id, 'UTF8') IN w.blob) > 0
), reopened AS (
    UPDATE hitl.reviews r
    SET status = CASE WHEN b.as_decided THEN 'decided' ELSE 'pending' END, closed_at = NULL, error = NULL
    FROM before b
    WHERE r.thread_id = b.thread_id AND r.id = b.id AND EXISTS (
        SELECT FROM asked a WHERE a.thread_id = b.thread_id AND a.id = b.id)
    RETURNING b.*
), void AS (
    DELETE FROM hitl.decisions d USING reopened o
    WHERE d.thread_id = o.thread_id AND d.review_id = o.id AND NOT o.as_decided
), untold AS (
    DELETE FROM checkpoint_writes w USING asked a
    WHERE w.thread_id = a.thread_id AND w.channel <> '__interrupt__' AND (
        (w.checkpoint_ns = '' AND w.checkpoint_id = a.checkpoint_id AND w.task_id = a.task_id)
        OR (w.checkpoint_ns LIKE '%%:' || a.task_id || '%%' AND EXISTS (
            SELECT FROM checkpoint_writes i
            WHERE i.thread_id = w.thread_id AND i.checkpoint_ns = w.checkpoint_ns
              AND i.checkpoint_id = w.checkpoint_id AND i.task_id = w.task_id AND i.channel = '__interrupt__')))
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT CASE WHEN as_decided THEN 'retried' ELSE 'reopened' END, thread_id, id,
       json_build_object('digest', digest, 'because', 'the run that took the answer was rolled back') FROM reopened;

-- name: copy_reviews
-- A copied thread is paused at the same places, and nobody has answered there. Copied over a thread that has gone on,
-- only what stands at the newest checkpoint of both is open.
WITH head AS (
    SELECT max(checkpoint_id) AS id FROM checkpoints WHERE thread_id = %(target)s AND checkpoint_ns = ''
), left_behind AS (
    UPDATE hitl.reviews SET status = 'superseded', closed_at = now(), error = NULL
    WHERE thread_id = %(target)s AND status IN ('pending', 'decided', 'failed')
      AND checkpoint_id < (SELECT id FROM head)
    RETURNING thread_id, id
), copied AS (
    INSERT INTO hitl.reviews (
        thread_id, id, checkpoint_id, task_id, node, workflow, shape, gate, kind, action, question, owner, person,
        priority, payload, response_schema, digest, due_at, deadlines, approvals, candidates, rerouted
    )
    SELECT %(target)s, id, checkpoint_id, task_id, node, workflow, shape, gate, kind, action, question, owner, person,
           priority, payload, response_schema, digest, now() + (due_at - asked_at),
           CASE deadlines WHEN 'none' THEN 'none' ELSE 'unplanned' END, approvals, candidates, rerouted
    FROM hitl.reviews
    WHERE thread_id = %(source)s AND status IN ('pending', 'decided', 'failed') AND closed_at IS NULL
      AND checkpoint_id = (SELECT id FROM head)
    ORDER BY seq
    ON CONFLICT DO NOTHING
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object('because', 'a newer thread was copied over it') FROM left_behind
UNION ALL
SELECT 'asked', thread_id, id, json_build_object('copied_from', %(source)s::text) FROM copied;

-- name: delete_checkpoints
DELETE FROM checkpoints WHERE thread_id = ANY (%(thread_ids)s);

-- name: delete_blobs
DELETE FROM checkpoint_blobs WHERE thread_id = ANY (%(thread_ids)s);

-- name: delete_writes
DELETE FROM checkpoint_writes WHERE thread_id = ANY (%(thread_ids)s);

-- name: delete_run_writes
DELETE FROM checkpoint_writes w USING checkpoints c
WHERE c.metadata ->> 'run_id' = ANY (%(run_ids)s) AND w.thread_id = c.thread_id
  AND w.checkpoint_ns = c.checkpoint_ns AND w.checkpoint_id = c.checkpoint_id;

-- name: delete_run_blobs
-- Values that no other checkpoint of the thread points at.
DELETE FROM checkpoint_blobs b
WHERE b.thread_id IN (SELECT c.thread_id FROM checkpoints c WHERE c.metadata ->> 'run_id' = ANY (%(run_ids)s))
  AND NOT EXISTS (
      SELECT FROM checkpoints c
      WHERE c.thread_id = b.thread_id AND c.checkpoint_ns = b.checkpoint_ns
        AND c.checkpoint -> 'channel_versions' ->> b.channel = b.version
        AND (c.metadata ->> 'run_id' = ANY (%(run_ids)s)) IS NOT TRUE);

-- name: delete_run_checkpoints
DELETE FROM checkpoints WHERE metadata ->> 'run_id' = ANY (%(run_ids)s);

-- name: copy_checkpoints
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT %(target)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
       CASE WHEN metadata ? 'thread_id' THEN jsonb_set(metadata, '{thread_id}', to_jsonb(%(target)s::text)) ELSE metadata END
FROM checkpoints WHERE thread_id = %(source)s ON CONFLICT DO NOTHING;

-- name: copy_blobs
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT %(target)s, checkpoint_ns, channel, version, type, blob
FROM checkpoint_blobs WHERE thread_id = %(source)s ON CONFLICT DO NOTHING;

-- name: copy_writes
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path)
SELECT %(target)s, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path
FROM checkpoint_writes WHERE thread_id = %(source)s ON CONFLICT DO NOTHING;

-- name: link_child
-- A case's own thread begins: whose it is.
INSERT INTO hitl.detached (child, parent, gate, checkpoint_id)
VALUES (%(child)s, %(parent)s, %(gate)s, %(checkpoint_id)s)
ON CONFLICT (tenant, child) DO NOTHING;

-- name: open_wait
-- The thread pauses until the case of another thread is decided: nobody is asked here.
INSERT INTO hitl.waits (thread_id, id, checkpoint_id, task_id, node, workflow, child)
VALUES (%(thread_id)s, %(id)s, %(checkpoint_id)s, %(task_id)s, %(node)s, %(workflow)s, %(child)s)
ON CONFLICT (tenant, thread_id, id) DO UPDATE SET
    checkpoint_id = excluded.checkpoint_id, task_id = excluded.task_id, workflow = excluded.workflow,
    taken = false, error = NULL;

-- name: close_wait
-- The task has taken the result.
UPDATE hitl.waits SET taken = true
WHERE thread_id = %(thread_id)s AND checkpoint_id = %(checkpoint_id)s AND task_id = %(task_id)s;

-- name: leave_children
-- The thread begins anew, or goes on from an older checkpoint: what it asked in threads of their own on the way that it
-- leaves is superseded. What a run has begun to tell the case's thread stands.
WITH closed AS (
    UPDATE hitl.reviews r SET status = 'superseded', closed_at = now(), error = NULL
    FROM hitl.detached x
    WHERE x.parent = %(thread_id)s AND x.checkpoint_id < %(checkpoint_id)s AND r.thread_id = x.child
      AND (r.status IN ('pending', 'failed') OR (r.status = 'decided' AND NOT EXISTS (
          SELECT FROM hitl.decisions d
          WHERE d.thread_id = r.thread_id AND d.review_id = r.id AND d.dispatched_at IS NOT NULL)))
      AND (%(anew)s OR (%(fork)s AND x.checkpoint_id >= %(parent_id)s)
           OR (x.checkpoint_id > %(parent_id)s AND EXISTS (
          SELECT FROM checkpoints c
          WHERE c.thread_id = %(thread_id)s AND c.checkpoint_ns = ''
            AND c.checkpoint_id > %(parent_id)s AND c.checkpoint_id < %(checkpoint_id)s))
           OR (x.checkpoint_id <= %(parent_id)s AND EXISTS (  -- new input, where only the end of a run is stored
          SELECT FROM checkpoints c
          WHERE c.thread_id = %(thread_id)s AND c.checkpoint_ns = '' AND c.checkpoint_id = %(parent_id)s
            AND c.checkpoint -> 'channel_versions' ->> '__start__' IS DISTINCT FROM %(start)s)))
    RETURNING r.thread_id, r.id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object(
    'because', format('thread %%s went on without it: %%s', %(thread_id)s::text, %(because)s::text))
FROM closed;

-- name: last_hand_back
-- What the thread's newest takeover that has ended was about, and what was said at its end.
SELECT by AS taken_by, reason, since, released_by AS by, note, released_at AS at
FROM hitl.holds
WHERE scope = 'thread' AND value = %(thread_id)s AND kind = 'takeover' AND released_at IS NOT NULL
ORDER BY id DESC LIMIT 1;

-- name: word
-- What the desk has decided about a question. The status is `decided` while the thread has not taken it.
SELECT d.type, d.by, d.via, d.decision, r.status
FROM hitl.reviews r JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
WHERE r.thread_id = %(thread_id)s AND r.id = %(id)s AND d.via <> 'resume';
