-- How far a run of the demo is.

-- name: newest
-- The newest case that there is: those of a run that begins now come after it.
SELECT coalesce(max(seq), 0) AS seq FROM hitl.reviews;

-- name: standing
-- The cases of a run: what waits for a decision, what was decided, and of that what its thread has not been told, or
-- raised at. A thread that is being run, or whose run broke off, may open the next case.
SELECT count(*) FILTER (WHERE r.status = 'pending') AS waiting,
       count(*) FILTER (WHERE r.status <> 'pending' AND d.review_id IS NOT NULL) AS decided,
       count(*) FILTER (WHERE r.status = 'decided')
           + (SELECT count(*) FROM hitl.runs u
              WHERE (u.holder IS NOT NULL OR u.broken_off) AND starts_with(u.thread_id, %(prefix)s)) AS going,
       count(*) FILTER (WHERE r.status = 'failed') AS failed
FROM hitl.reviews r LEFT JOIN hitl.decisions d ON d.thread_id = r.thread_id AND d.review_id = r.id
WHERE r.seq > %(after)s AND starts_with(r.thread_id, %(prefix)s);

-- name: others
-- What waits besides the cases of a run.
SELECT count(*) AS waiting FROM hitl.reviews
WHERE status = 'pending' AND NOT (seq > %(after)s AND starts_with(thread_id, %(prefix)s));
