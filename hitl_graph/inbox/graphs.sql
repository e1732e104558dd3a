-- Graphs as their rows tell of them: what waits at which gate, and which threads stand there.

-- name: standing
-- How many cases stand at each gate. `workflow` is empty where nobody has named the graph.
SELECT coalesce(workflow, '') AS workflow, coalesce(gate, '') AS gate, node,
       count(*) FILTER (WHERE status = 'pending') AS waiting, count(*) FILTER (WHERE status = 'decided') AS decided,
       count(*) FILTER (WHERE status = 'failed') AS failed, min(asked_at) FILTER (WHERE status = 'pending') AS oldest
FROM hitl.reviews WHERE status IN ('pending', 'decided', 'failed')
GROUP BY workflow, gate, node ORDER BY workflow, gate, node;

-- name: threads
-- Threads of one graph in which a case is open, the longest waiting first; a page goes on after the last one's `seq`.
SELECT r.thread_id, min(r.seq) AS seq, min(r.asked_at) AS since, count(*) AS cases,
       array_agg(DISTINCT coalesce(r.gate, r.node) ORDER BY coalesce(r.gate, r.node)) AS gates,
       count(*) FILTER (WHERE r.status = 'pending') AS waiting, count(*) FILTER (WHERE r.status = 'failed') AS failed,
       (SELECT array_agg(h.kind ORDER BY h.kind) FROM hitl.holds h
        WHERE h.scope = 'thread' AND h.value = r.thread_id AND h.released_at IS NULL) AS holds
FROM hitl.reviews r
WHERE r.status IN ('pending', 'decided', 'failed') AND r.workflow IS NOT DISTINCT FROM %(workflow)s
GROUP BY r.thread_id HAVING min(r.seq) > %(after)s
ORDER BY min(r.seq) LIMIT %(limit)s;

-- name: held_threads
-- Threads that are held, whether a case is open in them or not, latest first.
SELECT value AS thread_id, array_agg(kind ORDER BY kind) AS kinds, max(since) AS since
FROM hitl.holds WHERE scope = 'thread' AND released_at IS NULL GROUP BY value ORDER BY max(id) DESC LIMIT 100;

-- name: run
-- Who runs a thread now, as far as is known.
SELECT holder, started_at, lease_until > now() AS alive, error, broken_off FROM hitl.runs WHERE thread_id = %(thread)s;

-- name: workflow_of
-- The graph of a thread, by its newest case.
SELECT workflow FROM hitl.reviews WHERE thread_id = %(thread)s ORDER BY seq DESC LIMIT 1;
