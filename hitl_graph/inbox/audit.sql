-- The log as its page shows it: newest first, each page after the last event of the one before. Between braces stand the
-- conditions that are asked for, each a statement of this file; so the planner sees only those that hold.

-- name: log
-- `seal`: the event's place in the chain; null while it waits for it.
SELECT e.id, e.at, e.type, e.thread_id, e.review_id, e.data, c.seq AS seal, r.question
FROM hitl.events e
LEFT JOIN hitl.chain c ON c.event_id = e.id
LEFT JOIN hitl.reviews r ON r.thread_id = e.thread_id AND r.id = e.review_id
WHERE true {where}
ORDER BY e.id DESC LIMIT %(limit)s;

-- name: by_type
AND e.type = ANY (%(types)s)

-- name: by_who
AND e.who = left(lower(%(who)s::text), 100)

-- name: by_way
AND e.way = %(way)s

-- name: by_token
AND e.way = 'api' AND hitl.said_through(e.data, 'token') = %(token)s

-- name: by_thread
AND e.thread_id = %(thread)s

-- name: by_case
AND e.review_id = %(case)s

-- name: by_day
AND e.at >= %(day)s::timestamptz AND e.at < %(day)s::timestamptz + interval '24 hours'

-- name: by_before
AND e.id < %(before)s

-- name: refused_lately
-- How many attempts were refused in the last seven days, up to a limit.
SELECT count(*) AS refused FROM (
    SELECT FROM hitl.events WHERE type = 'refused_attempt' AND at > now() - interval '7 days' LIMIT %(limit)s) AS few;

-- name: exported
-- That somebody took the log with them, and which part of it.
INSERT INTO hitl.events (type, thread_id, review_id, data)
VALUES ('exported', %(thread_id)s, '', json_build_object(
    'by', %(by)s::text, 'format', %(format)s::text, 'asked', %(asked)s::json));
