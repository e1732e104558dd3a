-- What a worker asks of the queue. The first two run on connections whose search path is hitl_jobs.

-- name: put_back
-- Jobs that nobody runs any more wait again: those of workers that are gone, and of this worker's own those that it
-- does not know of, because the answer to its fetch was lost. Each becomes a new job, so that a worker that was only
-- stopped cannot end it when it wakes up. Where the next one waits already, that one will do.
WITH lost AS (
    DELETE FROM procrastinate_jobs WHERE id IN (
        SELECT id FROM procrastinate_jobs
        WHERE status = 'doing'
          AND (worker_id IS NULL OR (worker_id = %(worker_id)s AND id <> ALL (%(known)s::bigint[])))
        FOR UPDATE SKIP LOCKED)
    RETURNING queue_name, task_name, priority, lock, queueing_lock, args
)
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
SELECT * FROM lost
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
RETURNING task_name, args ->> 'thread_id' AS thread_id;

-- name: count_waiting
-- Jobs of these queues that wait or run.
SELECT count(*) AS jobs FROM procrastinate_jobs
WHERE status IN ('todo', 'doing') AND queue_name = ANY (%(queues)s::text[])
  AND (scheduled_at IS NULL OR scheduled_at <= now());

-- name: queues_of
-- Those of the workflows that are had here, of threads without one, and of such threads by the node that waits, after a
-- worker has found that it has no graph for them. A line feed marks nodes: names of workflows hardly begin with one.
SELECT DISTINCT hitl.queue_of(name) AS queue
FROM unnest(%(workflows)s::text[] || NULL::text || array(SELECT E'\n' || unnest(%(nodes)s::text[]))) AS name;

-- name: thread_of
-- Which graph a thread belongs to, as far as its reviews say: the workflow, and the nodes that wait for an answer. Where
-- none does, and its run broke off, as far as its newest checkpoint says. `broke_off`: that is all there is to do.
WITH broken AS (
    SELECT b.workflow, b.nodes FROM hitl.broken_off() b WHERE b.thread_id = %(thread_id)s AND b.stored
), told AS (
    SELECT coalesce((SELECT workflow FROM hitl.reviews WHERE thread_id = %(thread_id)s AND workflow IS NOT NULL
                     ORDER BY seq DESC LIMIT 1),
                    (SELECT max(workflow) FROM hitl.ready() WHERE thread_id = %(thread_id)s),
                    (SELECT workflow FROM broken)) AS workflow,
           (SELECT coalesce(array_agg(DISTINCT r.node), '{}')
            FROM hitl.reviews r LEFT JOIN hitl.runs u ON u.thread_id = r.thread_id
            WHERE r.thread_id = %(thread_id)s AND (r.status = 'decided' OR r.id = ANY (u.reviews)))
           || (SELECT coalesce(array_agg(DISTINCT n), '{}')
               FROM hitl.ready() g, unnest(CASE WHEN g.nodes = '{}' THEN '{""}' ELSE g.nodes END) n
               WHERE g.thread_id = %(thread_id)s) AS nodes
)
SELECT workflow, nodes = '{}' AS broke_off, nodes || coalesce((SELECT nodes FROM broken), '{}') AS nodes FROM told;

-- name: put
-- The same once more: after a while, or, where there is none to wait, as a job of its own, which runs when the one under
-- way has ended. A second try of a thread that names no workflow is for workers that have the node of its
-- decided case.
WITH named AS (
    SELECT CASE WHEN %(workflow)s::text IS NOT NULL THEN hitl.queue_of(%(workflow)s)
                WHEN %(tries)s::int = 0 OR hitl.queue_of_thread(%(thread_id)s) <> hitl.queue_of(NULL)
                    THEN hitl.queue_of_thread(%(thread_id)s)
                ELSE hitl.queue_of((SELECT E'\n' || min(node) FROM hitl.reviews
                                    WHERE thread_id = %(thread_id)s AND status = 'decided' AND node <> '')) END AS queue
)
SELECT CASE WHEN %(wait_s)s::float8 IS NULL THEN hitl.put_job(%(task)s, %(thread_id)s, queue, %(tries)s)
            ELSE hitl.put_timer(%(task)s, %(thread_id)s, queue, now() + make_interval(secs => %(wait_s)s), %(tries)s) END
FROM named;

-- name: tell
INSERT INTO hitl.events (type, thread_id, review_id, data) VALUES (%(type)s, %(thread_id)s, '', %(data)s::json);

-- name: sweep
-- Every thread that a worker should run and that no job stands for: decided before there was a worker, released from a
-- hold, put back by `retry`, left behind by a process that died, or waiting for its turn to start. Where nothing tells
-- the graph of a run that broke off, people are told of it.
WITH found AS (
    SELECT r.thread_id, NULL AS workflow
    FROM hitl.reviews r JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
    WHERE r.status = 'decided' AND (d.dispatch_at <= now() OR d.dispatched_at IS NOT NULL)
      AND hitl.held(r.thread_id, r.workflow, NULL) IS NULL
    UNION
    SELECT u.thread_id, NULL FROM hitl.runs u
    WHERE u.holder IS NOT NULL AND u.reviews <> '{}' AND hitl.held(u.thread_id, NULL, NULL) IS NULL
      AND (u.lease_until < now()
           OR pg_try_advisory_xact_lock_shared(hashtextextended('hitl-run:' || u.token, 0)))
    UNION
    SELECT g.thread_id, NULL FROM hitl.ready() g WHERE hitl.held(g.thread_id, g.workflow, NULL) IS NULL
    UNION
    SELECT b.thread_id, b.workflow FROM hitl.broken_off() b
    WHERE b.stored AND (b.workflow IS NOT NULL OR b.nodes <> '{}') AND hitl.held(b.thread_id, b.workflow, NULL) IS NULL
), threads AS (
    SELECT thread_id, max(workflow) AS workflow FROM found GROUP BY thread_id
), resumes AS (
    SELECT CASE WHEN workflow IS NULL THEN hitl.enqueue_resume(thread_id)
                ELSE hitl.put_job('resume', thread_id, hitl.queue_of(workflow)) END AS put
    FROM threads t
    WHERE NOT EXISTS (
        SELECT FROM hitl_jobs.procrastinate_jobs j
        WHERE j.status = 'doing'
          AND (j.lock = hitl.lock_of(t.thread_id) OR j.queueing_lock = 'wake-resume:' || hitl.lock_of(t.thread_id)))
      AND NOT EXISTS (
        SELECT FROM hitl_jobs.procrastinate_jobs j
        WHERE j.status = 'todo'
          AND j.queueing_lock IN ('resume:' || hitl.lock_of(t.thread_id), 'wake-resume:' || hitl.lock_of(t.thread_id)))
    LIMIT 1000
), starts AS (
    SELECT hitl.enqueue_start(s.thread_id, s.workflow) FROM hitl.starts s
    WHERE s.status IN ('queued', 'running') AND hitl.held(s.thread_id, s.workflow, NULL) IS NULL
      AND (s.status = 'running' OR hitl.busy(s.thread_id) IS NULL)
      AND NOT EXISTS (
        SELECT FROM hitl_jobs.procrastinate_jobs j
        WHERE j.status = 'doing'
          AND (j.lock = hitl.lock_of(s.thread_id) OR j.queueing_lock = 'wake-start:' || hitl.lock_of(s.thread_id)))
      AND NOT EXISTS (
        SELECT FROM hitl_jobs.procrastinate_jobs j
        WHERE j.status = 'todo'
          AND j.queueing_lock IN ('start:' || hitl.lock_of(s.thread_id), 'wake-start:' || hitl.lock_of(s.thread_id)))
    LIMIT 1000
)
SELECT (SELECT count(*) FROM resumes) + (SELECT count(*) FROM starts) AS put;
