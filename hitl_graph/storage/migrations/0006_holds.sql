-- What must not act or go on now, by whose word and why.
CREATE TABLE hitl.holds (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope       text NOT NULL CHECK (scope IN ('thread', 'workflow', 'action', 'tenant')),
    value       text NOT NULL,                          -- the thread's id, the graph's name, the action class; '' for a tenant
    kind        text NOT NULL CHECK (kind IN ('pause', 'stop', 'takeover')),
    by          text NOT NULL,
    reason      text NOT NULL,
    since       timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz,
    released_by text,
    note        text,                                   -- what whoever released it says to those who go on
    CHECK (kind <> 'takeover' OR scope = 'thread')
);
CREATE UNIQUE INDEX holds_standing ON hitl.holds (scope, value, kind) WHERE released_at IS NULL;

-- Threads that stopped before an act because of a hold: they go on when nothing holds them any more.
CREATE TABLE hitl.halted (
    thread_id text PRIMARY KEY,
    workflow  text,
    action    text NOT NULL,
    because   text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);

-- Cases that stand in a thread of their own, while the thread that needs their result goes on (R37).
CREATE TABLE hitl.detached (
    child         text PRIMARY KEY,                     -- the thread of the case
    parent        text NOT NULL,                        -- the thread that goes on
    gate          text NOT NULL,
    checkpoint_id text NOT NULL,                        -- the checkpoint of the parent that it was asked at
    asked_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX detached_parent ON hitl.detached (parent);

-- Threads that are paused until a thread of theirs has its result: nobody is asked there. Of no more weight when the
-- thread has a newer checkpoint.
CREATE TABLE hitl.waits (
    thread_id     text NOT NULL,
    id            text NOT NULL,                        -- the interrupt's id
    checkpoint_id text NOT NULL,
    task_id       text NOT NULL,
    node          text NOT NULL,
    workflow      text,
    child         text NOT NULL,
    taken         boolean NOT NULL DEFAULT false,       -- the thread has taken the result
    error         text,                                 -- what going on raised: it is not tried again by itself
    since         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (thread_id, id)
);
CREATE INDEX waits_child ON hitl.waits (child);

ALTER TABLE hitl.decisions
    ADD COLUMN voided_by bigint;                        -- the stop or takeover that came after it: it lets nothing act any more

-- Why an act or a run of this thread is held now, in words; null when nothing holds it. A null argument matches no hold
-- of its scope, but for an act of a graph that does not say its name: while any graph is held, it may be that one. A
-- takeover holds acts and no runs: a gate may still ask.
CREATE FUNCTION hitl.held(thread text, graph text, act text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE kind
               WHEN 'takeover' THEN format('taken over by %s: %s', by, reason)
               ELSE format('%s %s by %s: %s%s',
                           CASE scope WHEN 'tenant' THEN 'everything is' ELSE scope || ' ' || value || ' is' END,
                           CASE kind WHEN 'stop' THEN 'stopped' ELSE 'paused' END, by, reason,
                           CASE WHEN scope = 'workflow' AND graph IS NULL
                                THEN ' (this run does not say which graph it is: metadata={"workflow": name})' END)
           END
    FROM hitl.holds
    WHERE released_at IS NULL
      AND (scope = 'tenant' OR (scope = 'thread' AND value = thread) OR (scope = 'workflow' AND (value = graph OR (graph IS NULL AND act IS NOT NULL)))
           OR (scope = 'action' AND value = act))
      AND (kind <> 'takeover' OR act IS NOT NULL)
    ORDER BY since, id LIMIT 1
$$;

-- Acts begin under a shared lock, and a hold is put under an exclusive one: when the hold is committed, every act that
-- began before it stands in the ledger, and none begins after it.
CREATE FUNCTION hitl.lock_acts(hold boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF hold THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('hitl-holds', 0));
    ELSE
        PERFORM pg_advisory_xact_lock_shared(hashtextextended('hitl-holds', 0));
    END IF;
END $$;

-- No act begins while it is held (HG002), nor on an approval that a stop or a takeover has voided (HG003), whatever the
-- code before it has looked at.
CREATE FUNCTION hitl.begin_act() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    why text;
BEGIN
    PERFORM hitl.lock_acts(hold => false);
    why := hitl.held(NEW.thread_id, NEW.workflow, NEW.action);
    IF why IS NOT NULL THEN
        RAISE EXCEPTION '%', why USING ERRCODE = 'HG002';
    END IF;
    SELECT format('it was approved before %s %s the thread: ask again', h.by,
                  CASE h.kind WHEN 'stop' THEN 'stopped' ELSE 'took over' END)
    INTO why
    FROM hitl.decisions d JOIN hitl.holds h ON h.id = d.voided_by
    WHERE d.review_id = NEW.review_id AND (d.thread_id = NEW.thread_id OR d.thread_id IN (
        SELECT child FROM hitl.detached WHERE parent = NEW.thread_id));
    IF why IS NOT NULL THEN
        RAISE EXCEPTION '%', why USING ERRCODE = 'HG003';
    END IF;
    DELETE FROM hitl.halted WHERE thread_id = NEW.thread_id;
    RETURN NEW;
END $$;
CREATE TRIGGER effects_begin BEFORE INSERT OR UPDATE ON hitl.effects
    FOR EACH ROW WHEN (NEW.status = 'started') EXECUTE FUNCTION hitl.begin_act();

-- Remembers that a thread stopped before an act because it is held; a hold that was released meanwhile changes nothing:
-- the thread is found by the next look at what may go on.
CREATE FUNCTION hitl.note_halted(thread text, graph text, act text, because text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO hitl.halted AS h (thread_id, workflow, action, because) VALUES (thread, graph, act, because)
    ON CONFLICT (thread_id) DO UPDATE SET
        workflow = excluded.workflow, action = excluded.action, because = excluded.because, at = excluded.at;
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    VALUES ('effect_held', thread, '', json_build_object('action', act, 'because', because));
$$;

-- A hold comes: alone, before it is looked at who acts.
CREATE FUNCTION hitl.before_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hitl.lock_acts(hold => true);
    RETURN NEW;
END $$;
CREATE TRIGGER holds_before BEFORE INSERT ON hitl.holds FOR EACH ROW EXECUTE FUNCTION hitl.before_hold();

-- What comes with a hold, whoever puts it: the event; and where a thread is stopped or taken over, its approvals are void,
-- and what has not reached the thread yet is closed (stop) or has to be decided once more (takeover).
CREATE FUNCTION hitl.after_hold() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    threads text[];
BEGIN
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    VALUES (CASE NEW.kind WHEN 'pause' THEN 'paused' WHEN 'stop' THEN 'stopped' ELSE 'taken_over' END,
            CASE NEW.scope WHEN 'thread' THEN NEW.value ELSE '' END, '',
            json_build_object('by', NEW."by", 'reason', NEW.reason, 'hold', NEW.id, 'scope', NEW.scope, 'value', NEW.value));
    IF NEW.scope <> 'thread' OR NEW.kind = 'pause' THEN
        RETURN NULL;
    END IF;
    threads := array(SELECT NEW.value UNION ALL SELECT child FROM hitl.detached WHERE parent = NEW.value);
    UPDATE hitl.decisions SET voided_by = NEW.id
    WHERE thread_id = ANY (threads) AND voided_by IS NULL AND type NOT IN ('take_over', 'reject');
    IF NEW.kind = 'stop' THEN
        WITH closed AS (
            UPDATE hitl.reviews r SET status = 'superseded', closed_at = now(), error = NULL
            WHERE r.thread_id = ANY (threads)
              AND (r.status IN ('pending', 'failed') OR (r.status = 'decided' AND NOT EXISTS (
                  SELECT FROM hitl.decisions d
                  WHERE d.thread_id = r.thread_id AND d.review_id = r.id AND d.dispatched_at IS NOT NULL)))
            RETURNING r.thread_id, r.id
        )
        INSERT INTO hitl.events (type, thread_id, review_id, data)
        SELECT 'superseded', thread_id, id, json_build_object(
            'by', NEW."by", 'because', format('stopped by %s: %s', NEW."by", NEW.reason))
        FROM closed;
    ELSE
        WITH undone AS (
            DELETE FROM hitl.decisions d USING hitl.reviews r
            WHERE d.thread_id = ANY (threads) AND d.voided_by = NEW.id AND d.dispatched_at IS NULL
              AND d.type IN ('approve', 'edit', 'choose')
              AND r.thread_id = d.thread_id AND r.id = d.review_id AND r.status = 'decided'
            RETURNING d.thread_id, d.review_id, d.decision, d.by
        ), again AS (
            UPDATE hitl.reviews r SET status = 'pending', error = format(
                'decided by %s before %s took the thread over: decide again', u.by, NEW."by")
            FROM undone u WHERE r.thread_id = u.thread_id AND r.id = u.review_id
        )
        INSERT INTO hitl.events (type, thread_id, review_id, data)
        SELECT 'reopened', thread_id, review_id, json_build_object(
            'by', NEW."by", 'because', format('taken over by %s: %s', NEW."by", NEW.reason), 'decision', decision)
        FROM undone;
        DELETE FROM hitl.votes v USING hitl.reviews r
        WHERE v.thread_id = ANY (threads) AND r.thread_id = v.thread_id AND r.id = v.review_id AND r.status = 'pending';
    END IF;
    -- What a policy had let pass does not go on by itself after the release either.
    DELETE FROM hitl.halted h
    WHERE h.thread_id = ANY (threads)
      AND NOT EXISTS (SELECT FROM hitl.reviews r WHERE r.thread_id = h.thread_id AND r.status = 'failed');
    RETURN NULL;
END $$;
CREATE TRIGGER holds_after AFTER INSERT ON hitl.holds FOR EACH ROW EXECUTE FUNCTION hitl.after_hold();

-- A hold goes: the event, and what it held and nothing else holds goes on by itself.
CREATE FUNCTION hitl.after_release() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    VALUES (CASE NEW.kind WHEN 'takeover' THEN 'handed_back' ELSE 'released' END,
            CASE NEW.scope WHEN 'thread' THEN NEW.value ELSE '' END, '',
            json_build_object('by', NEW.released_by, 'note', NEW.note, 'hold', NEW.id, 'scope', NEW.scope,
                              'value', NEW.value));
    WITH free AS (
        SELECT h.thread_id FROM hitl.halted h WHERE hitl.held(h.thread_id, h.workflow, h.action) IS NULL
    ), again AS (
        UPDATE hitl.reviews r SET status = 'decided', error = NULL
        FROM free f, hitl.decisions d
        WHERE r.thread_id = f.thread_id AND r.status = 'failed'
          AND d.thread_id = r.thread_id AND d.review_id = r.id
        RETURNING r.thread_id, r.id
    )
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'retried', thread_id, id, json_build_object(
        'by', NEW.released_by, 'because', format('released by %s', NEW.released_by))
    FROM again;
    PERFORM hitl.enqueue_resume(thread_id)
    FROM (SELECT h.thread_id FROM hitl.halted h WHERE hitl.held(h.thread_id, h.workflow, h.action) IS NULL
          UNION
          SELECT r.thread_id FROM hitl.reviews r
          WHERE r.status = 'decided' AND hitl.held(r.thread_id, r.workflow, NULL) IS NULL
            AND CASE NEW.scope WHEN 'thread' THEN r.thread_id = NEW.value
                               WHEN 'workflow' THEN r.workflow = NEW.value
                               WHEN 'tenant' THEN true END) AS free;
    DELETE FROM hitl.halted h  -- these go on by their decision
    WHERE EXISTS (SELECT FROM hitl.reviews r WHERE r.thread_id = h.thread_id AND r.status = 'decided')
      AND hitl.held(h.thread_id, h.workflow, h.action) IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER holds_released AFTER UPDATE ON hitl.holds FOR EACH ROW
    WHEN (OLD.released_at IS NULL AND NEW.released_at IS NOT NULL) EXECUTE FUNCTION hitl.after_release();

-- Whoever decides anew, decides after the takeover.
CREATE FUNCTION hitl.decided_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.voided_by := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER decisions_anew BEFORE UPDATE ON hitl.decisions FOR EACH ROW
    WHEN (OLD.voided_by IS NOT NULL AND NEW.decided_at <> OLD.decided_at) EXECUTE FUNCTION hitl.decided_anew();

-- The run of a case's thread has ended: the thread that waits for its result is put in the queue, in the same
-- transaction.
CREATE FUNCTION hitl.wake_parent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hitl.enqueue_resume(w.thread_id) FROM hitl.waits w WHERE w.child = NEW.thread_id;
    RETURN NULL;
END $$;
CREATE TRIGGER runs_wake AFTER UPDATE ON hitl.runs FOR EACH ROW
    WHEN (OLD.holder IS NOT NULL AND NEW.holder IS NULL) EXECUTE FUNCTION hitl.wake_parent();

-- Threads that wait for the case of another thread now: a wait at an older checkpoint is of no weight.
CREATE FUNCTION hitl.waiting() RETURNS TABLE (
    thread_id text, checkpoint_id text, node text, workflow text, child text, since timestamptz
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT w.thread_id, w.checkpoint_id, w.node, w.workflow, w.child, w.since
    FROM hitl.waits w
    WHERE NOT w.taken AND w.error IS NULL AND w.checkpoint_id = (
        SELECT max(c.checkpoint_id) FROM checkpoints c WHERE c.thread_id = w.thread_id AND c.checkpoint_ns = '');
END $$;

-- Threads that go on without an answer of their own: the case that they wait for is decided and its thread at its end,
-- or what held their act is released, or a process that was at it has died and left its note.
CREATE FUNCTION hitl.ready() RETURNS TABLE (
    thread_id text, first timestamptz, nodes text[], workflow text, children text[]
) LANGUAGE sql STABLE AS $$
    SELECT w.thread_id, min(w.since), array_agg(DISTINCT w.node), max(w.workflow), array_agg(w.child)
    FROM hitl.waiting() w
    WHERE EXISTS (SELECT FROM hitl.reviews r WHERE r.thread_id = w.child AND r.status = 'applied')
      AND NOT EXISTS (SELECT FROM hitl.reviews r
                      WHERE r.thread_id = w.child AND r.status IN ('pending', 'decided', 'failed'))
      AND NOT EXISTS (SELECT FROM hitl.runs c WHERE c.thread_id = w.child AND c.holder IS NOT NULL)
    GROUP BY w.thread_id
    UNION ALL
    SELECT u.thread_id, u.started_at, array(SELECT DISTINCT w.node FROM hitl.waits w WHERE w.thread_id = u.thread_id),
           (SELECT max(w.workflow) FROM hitl.waits w WHERE w.thread_id = u.thread_id), '{}'
    FROM hitl.runs u WHERE u.holder IS NOT NULL AND 'going on' = ANY (u.reviews)
    UNION ALL
    SELECT h.thread_id, h.at,
           array(SELECT r.node FROM hitl.reviews r WHERE r.thread_id = h.thread_id
                 UNION SELECT w.node FROM hitl.waits w WHERE w.thread_id = h.thread_id),
           h.workflow, '{}'
    FROM hitl.halted h
    WHERE hitl.held(h.thread_id, h.workflow, h.action) IS NULL
$$;
