-- The ledger: a row before the act, its result after it. One row for one approval, whatever is replayed, copied or
-- restored.
CREATE TABLE hitl.effects (
    key         text PRIMARY KEY,                       -- the review's id, or that of the judgement that let it pass
    thread_id   text NOT NULL,
    review_id   text,
    workflow    text,
    action      text NOT NULL,
    digest      text,                                   -- of what is done
    by          text NOT NULL,                          -- who answers for it
    node        text,                                   -- who does it
    holder      text,                                   -- in which process, as host:pid
    status      text NOT NULL CHECK (status IN ('started', 'done', 'not_done', 'unknown')),
    idempotent  boolean NOT NULL,                       -- the target takes the key, and acts once for it
    attempt     int NOT NULL DEFAULT 1,
    result_type text,                                   -- the state update that came of it, as the saver writes values
    result      bytea,
    error       text,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
ALTER TABLE hitl.reviews
    ADD COLUMN refused_at text;                         -- the checkpoint at which an act on its answer was refused
CREATE INDEX effects_thread ON hitl.effects (thread_id);
CREATE INDEX effects_open ON hitl.effects (started_at) WHERE status IN ('started', 'unknown');

-- Whether an act may begin now, and its row in the ledger where it may. The caller holds the act's lock, so whoever
-- began it before is gone.
-- `verdict`: 'go'; 'done', with the result; 'held', 'not_approved', 'unknown', with why in `detail`.
CREATE FUNCTION hitl.begin_effect(
    the_key text, thread text, review text, graph text, act text, content text, person text, actor text,
    judged timestamptz, same_key boolean, standing text, process text
) RETURNS TABLE (verdict text, detail text, attempt int, result_type text, result bytea) LANGUAGE plpgsql AS $$
DECLARE
    entry hitl.effects;
    why text;
BEGIN
    SELECT * INTO entry FROM hitl.effects e WHERE e.key = the_key FOR UPDATE;
    IF (entry.digest IS DISTINCT FROM content OR entry.action <> act) AND entry.key IS NOT NULL
       AND entry.status <> 'not_done' THEN
        why := format('on this approval something else was begun before (%s)', entry.status);
        PERFORM hitl.note_refused(thread, review, act, why, standing);
        RETURN QUERY SELECT 'not_approved', why, 0, NULL, NULL::bytea;
    ELSIF entry.node <> actor AND entry.status <> 'not_done' THEN
        why := format('node %s has acted on this approval, and one approval lets one act happen', entry.node);
        PERFORM hitl.note_refused(thread, review, act, why, standing);
        RETURN QUERY SELECT 'not_approved', why, 0, NULL, NULL::bytea;
    ELSIF entry.status = 'done' THEN
        RETURN QUERY SELECT 'done', NULL, entry.attempt, entry.result_type, entry.result;
    ELSIF entry.status = 'unknown' THEN
        RETURN QUERY SELECT 'unknown', entry.error, entry.attempt, NULL, NULL::bytea;
    ELSIF entry.status = 'started' AND NOT same_key THEN
        why := 'its process is gone, or has lost the database while it was at it';
        UPDATE hitl.effects e SET status = 'unknown', error = why WHERE e.key = the_key;
        INSERT INTO hitl.events (type, thread_id, review_id, data)
        VALUES ('effect_unknown', thread, coalesce(review, ''), json_build_object('key', the_key, 'action', act, 'because', why));
        RETURN QUERY SELECT 'unknown', why, entry.attempt, NULL, NULL::bytea;
    ELSE
        PERFORM hitl.lock_acts(false);  -- a hold that is being put waits, or is seen
        why := hitl.held(thread, graph, act);
        IF why IS NOT NULL THEN
            PERFORM hitl.note_halted(thread, graph, act, why);
            RETURN QUERY SELECT 'held', why, 0, NULL, NULL::bytea;
            RETURN;
        END IF;
        why := coalesce(hitl.why_not_approved(thread, review, content), hitl.why_void(thread, review, judged));
        IF why IS NOT NULL THEN
            PERFORM hitl.note_refused(thread, review, act, why, standing);
            RETURN QUERY SELECT 'not_approved', why, 0, NULL, NULL::bytea;
            RETURN;
        END IF;
        INSERT INTO hitl.effects AS e (key, thread_id, review_id, workflow, action, digest, by, node, holder, status, idempotent)
        VALUES (the_key, thread, review, graph, act, content, person, actor, process, 'started', same_key)
        ON CONFLICT (key) DO UPDATE SET
            status = 'started', attempt = e.attempt + 1, thread_id = excluded.thread_id, digest = excluded.digest,
            by = excluded.by, node = excluded.node, holder = excluded.holder, idempotent = excluded.idempotent, error = NULL, started_at = now(), finished_at = NULL
        RETURNING e.* INTO entry;
        INSERT INTO hitl.events (type, thread_id, review_id, data)
        VALUES ('effect_begun', thread, coalesce(review, ''), json_build_object(
            'key', the_key, 'action', act, 'by', person, 'digest', content, 'attempt', entry.attempt));
        RETURN QUERY SELECT 'go', NULL, entry.attempt, NULL, NULL::bytea;
    END IF;
END $$;

-- The act was refused: its case says why the thread stands still, whoever runs it (I6). `standing` is the checkpoint that
-- it runs on from. Where the answer is not stored yet, the case has failed as soon as it is.
CREATE FUNCTION hitl.note_refused(thread text, review text, act text, why text, standing text) RETURNS void LANGUAGE sql AS $$
    WITH failed AS (
        UPDATE hitl.reviews SET status = CASE status WHEN 'applied' THEN 'failed' ELSE status END, refused_at = standing,
            error = format('%s: %s; nothing was done', act, why)
        WHERE thread_id = thread AND id = review AND status <> 'superseded'
        RETURNING thread_id, id
    )
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'failed', thread_id, id, json_build_object('error', 'EffectNotApproved', 'because', why) FROM failed
$$;

-- Why no decision covers this content; null when one does, or when no review is named. An answer that came past the
-- desk may not be stored yet while its run goes on: then the graph's own record counts.
CREATE FUNCTION hitl.why_not_approved(thread text, review text, content text) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT CASE
            WHEN review IS NULL THEN NULL
            WHEN r.id IS NULL THEN 'no such review was ever asked in this thread'
            WHEN r.status = 'superseded' THEN 'the thread has left its review behind'
            WHEN coalesce(d.via, 'resume') = 'resume' AND EXISTS (SELECT FROM hitl.people) THEN
                'its answer came past the desk, which alone knows who may approve'
            WHEN d.type IS NULL THEN CASE WHEN r.status = 'pending' THEN NULL ELSE 'its decision is gone' END
            WHEN said.type IN ('reject', 'respond', 'ask_info', 'take_over') THEN
                format('it was not approved: %s by %s', said.type, d.by)
            WHEN d.final_digest IS NOT NULL AND d.final_digest <> content THEN
                format('%s let other content through than what stands here', d.by)
            WHEN d.voided_by IS NOT NULL THEN 'it was approved before the thread was taken over or stopped'
        END
        FROM (SELECT) AS one
        LEFT JOIN hitl.reviews r ON r.id = review AND (r.thread_id = thread OR EXISTS (
            SELECT FROM hitl.detached x WHERE x.child = r.thread_id AND x.parent = thread))
        LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = review
        LEFT JOIN LATERAL (
            SELECT CASE WHEN d.type = 'elsewhere' AND json_typeof(d.decision) = 'object' THEN d.decision ->> 'type'
                        ELSE d.type END AS type
        ) AS said ON true
    );
END $$;

-- Why what a policy let pass counts no more: the thread was stopped or taken over since.
CREATE FUNCTION hitl.why_void(thread text, review text, judged timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        SELECT format('the policy let it pass before %s %s the thread: it has to be judged again', h.by,
                      CASE h.kind WHEN 'stop' THEN 'stopped' ELSE 'took over' END)
        FROM hitl.holds h
        WHERE review IS NULL AND h.scope = 'thread' AND h.value = thread AND h.kind IN ('stop', 'takeover')
          AND h.since > judged
        ORDER BY h.id DESC LIMIT 1
    );
END $$;
