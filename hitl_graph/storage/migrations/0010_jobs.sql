-- What a worker is to do. procrastinate's tables stand in a schema of their own, hitl_jobs, and are made by the first
-- worker; these functions put jobs there in the transaction of what makes them necessary. Where no worker has ever been
-- set up they do nothing: `Desk.resume` finds decided threads by themselves.

-- First runs that were asked for, until they are done.
CREATE TABLE hitl.starts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id   text NOT NULL,
    workflow    text NOT NULL,                          -- which graph
    input       json NOT NULL,
    config      json NOT NULL,
    by          text NOT NULL,
    status      text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed')),
    attempts    int NOT NULL DEFAULT 0,
    error       text,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    started_at  timestamptz,
    finished_at timestamptz
);
CREATE INDEX starts_thread ON hitl.starts (thread_id, id);
CREATE INDEX starts_open ON hitl.starts (id) WHERE status IN ('queued', 'running');
CREATE UNIQUE INDEX starts_running ON hitl.starts (thread_id) WHERE status = 'running';

-- The queue of a workflow's jobs: workers take only those of graphs and tenants that they have. Its name becomes part of
-- a channel's, and those are short. No tenant has a tab in its name.
CREATE FUNCTION hitl.queue_of(workflow text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN hitl.tenant() <> 'default' THEN 'hitl#' || md5(hitl.tenant() || E'\t' || coalesce(workflow, ''))
                WHEN workflow IS NULL THEN 'hitl'
                WHEN workflow ~ '^[A-Za-z0-9_.-]{1,32}$' THEN 'hitl:' || workflow
                ELSE 'hitl#' || md5(workflow) END
$$;

-- What keeps two jobs of one thread apart: two tenants may have threads of the same name.
CREATE FUNCTION hitl.lock_of(thread text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT hitl.tenant() || E'\t' || thread
$$;

-- Whether jobs can be put: a worker has made the tables, and this user may write there.
CREATE FUNCTION hitl.has_jobs() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(has_schema_privilege(to_regnamespace('hitl_jobs'), 'USAGE'), false)
$$;

-- One job waits for a thread and task at most; it finds all that is there when it runs. The row lock of ON CONFLICT
-- keeps a worker from taking a waiting job before what relies on it is committed; once a worker has taken it, it waits
-- no more, and the next one gets a row of its own.
CREATE FUNCTION hitl.put_job(task text, thread text, queue text, tries int DEFAULT 0) RETURNS void LANGUAGE plpgsql
SET search_path = hitl_jobs, pg_temp AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    VALUES (queue, task, hitl.lock_of(thread), task || ':' || hitl.lock_of(thread),
            jsonb_build_object('thread_id', thread, 'tries', tries))
    ON CONFLICT (queueing_lock) WHERE status = 'todo'
    DO UPDATE SET queue_name = excluded.queue_name, args = excluded.args;
END $$;

-- A timer, which puts the job when its time has come. It holds no lock: a job of the future would block the thread.
CREATE FUNCTION hitl.put_timer(task text, thread text, queue text, at timestamptz, tries int DEFAULT 0)
RETURNS void LANGUAGE plpgsql SET search_path = hitl_jobs, pg_temp AS $$
BEGIN
    INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args, scheduled_at)
    VALUES (queue, 'wake', 'wake-' || task || ':' || hitl.lock_of(thread),
            jsonb_build_object('task', task, 'thread_id', thread, 'tries', tries), at)
    ON CONFLICT (queueing_lock) WHERE status = 'todo'
    DO UPDATE SET scheduled_at = least(procrastinate_jobs.scheduled_at, excluded.scheduled_at);
END $$;

-- The queue of a thread: that of the workflow that its reviews name.
CREATE FUNCTION hitl.queue_of_thread(thread text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT hitl.queue_of(coalesce(
        (SELECT workflow FROM hitl.reviews WHERE thread_id = thread AND workflow IS NOT NULL ORDER BY seq DESC LIMIT 1),
        (SELECT max(workflow) FROM hitl.waits WHERE thread_id = thread),
        (SELECT workflow FROM hitl.halted WHERE thread_id = thread)))
$$;

-- Lets a worker resume a thread, now or at a time.
CREATE FUNCTION hitl.enqueue_resume(thread text, at timestamptz DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT hitl.has_jobs() THEN
        RETURN;
    ELSIF at IS NULL OR at <= now() THEN
        PERFORM hitl.put_job('resume', thread, hitl.queue_of_thread(thread));
    ELSE
        PERFORM hitl.put_timer('resume', thread, hitl.queue_of_thread(thread), at);
    END IF;
END $$;

-- Lets a worker make the first run of a thread.
CREATE FUNCTION hitl.enqueue_start(thread text, workflow text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF hitl.has_jobs() THEN
        PERFORM hitl.put_job('start', thread, hitl.queue_of(workflow));
    END IF;
END $$;

-- Whether new input would come in the way of something: a run under way, or a case that waits for its answer.
CREATE FUNCTION hitl.busy(thread text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        (SELECT 'is run by ' || holder FROM hitl.runs
         WHERE thread_id = thread AND holder IS NOT NULL AND lease_until >= now()),
        (SELECT format('is paused: review %s is %s', id, status) FROM hitl.reviews
         WHERE thread_id = thread AND status IN ('pending', 'decided', 'failed') ORDER BY seq LIMIT 1),
        (SELECT format('is paused until the case of thread %s is decided', child) FROM hitl.waiting()
         WHERE thread_id = thread LIMIT 1))
$$;

-- Threads whose run did not come to its end and whose process is gone, and which graph they are of, as far as it can be
-- told: the workflow that reviews, starts or checkpoints name, and the nodes that their newest checkpoint speaks of. A
-- first run that was asked for goes on with its own job. `stored`: whether there is anything to go on with. `waits`: it
-- waits for an answer.
CREATE FUNCTION hitl.broken_off() RETURNS TABLE (
    thread_id text, holder text, started_at timestamptz, workflow text, nodes text[], stored boolean, waits boolean
) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT u.thread_id, u.holder, u.started_at,
           coalesce(
               (SELECT r.workflow FROM hitl.reviews r WHERE r.thread_id = u.thread_id AND r.workflow IS NOT NULL
                ORDER BY r.seq DESC LIMIT 1),
               (SELECT s.workflow FROM hitl.starts s WHERE s.thread_id = u.thread_id AND s.status IN ('done', 'failed')
                ORDER BY s.id DESC LIMIT 1),
               head.metadata ->> 'workflow', head.metadata ->> 'graph_id'),
           array(SELECT DISTINCT n FROM (
               SELECT jsonb_object_keys(head.checkpoint -> 'versions_seen') AS n
               UNION SELECT substr(k, 11) FROM jsonb_object_keys(head.checkpoint -> 'channel_versions') AS k
                     WHERE k LIKE 'branch:to:%') AS named
               WHERE n NOT LIKE '\_\_%'),
           head.checkpoint_id IS NOT NULL,
           EXISTS (
               SELECT FROM checkpoint_writes w
               WHERE w.thread_id = u.thread_id AND w.checkpoint_ns = '' AND w.checkpoint_id = head.checkpoint_id
                 AND w.channel = '__interrupt__' AND NOT EXISTS (
                     SELECT FROM checkpoint_writes o
                     WHERE o.thread_id = w.thread_id AND o.checkpoint_ns = '' AND o.checkpoint_id = w.checkpoint_id
                       AND o.task_id = w.task_id AND o.channel NOT IN (
                           '__interrupt__', '__resume__', '__error__', '__error_source_node__', '__scheduled__')))
    FROM hitl.runs u
    LEFT JOIN LATERAL (
        SELECT c.checkpoint_id, c.checkpoint, c.metadata FROM checkpoints c
        WHERE c.thread_id = u.thread_id AND c.checkpoint_ns = '' ORDER BY c.checkpoint_id DESC LIMIT 1
    ) AS head ON true
    WHERE u.holder IS NOT NULL AND u.reviews <@ '{going on}'
      AND (u.lease_until < now() OR pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0)))
      AND NOT EXISTS (SELECT FROM hitl.starts s WHERE s.thread_id = u.thread_id AND s.status = 'running');
END $$;
