-- What the decisions of a period tell. Of answers that came past the desk only that there was one is known: they are
-- counted among the shares and nowhere else.

-- name: decided
-- All that is told of the decisions themselves, in one pass over them. `shares`: how cases were decided at each gate.
-- `times`: how long they waited for a person, in seconds: half of them, and nine of ten; `whole` is all gates together.
-- `people`: who decided what at which gate; what systems decided is no person's. `paces`: how soon after the one before
-- somebody decided the next, where they were at it: pauses of more than ten minutes are left out, and what was approved
-- together counts once. `edits`: which fields people changed. `days`: what was asked and what was decided, day by day (UTC),
-- days without either too. Names are compared byte by byte, which is quicker and tells the same ones apart.
WITH d AS MATERIALIZED (
    SELECT coalesce(r.gate, '') COLLATE "C" AS gate, c.type COLLATE "C" AS type, c.by COLLATE "C" AS by, c.decided_at,
           c.via NOT IN ('system', 'resume') AS own, date_part('epoch', c.decided_at - r.asked_at) AS waited,
           CASE c.type WHEN 'edit' THEN c.decision -> 'changes' END AS changes
    FROM hitl.decisions c JOIN hitl.reviews r ON r.thread_id = c.thread_id AND r.id = c.review_id
    WHERE c.decided_at > now() - make_interval(days => %(days)s::int)
), shares AS (
    SELECT gate, type, count(*) AS decisions FROM d GROUP BY gate, type
), times AS (
    SELECT grouping(gate) = 1 AS whole, gate, count(*) AS decisions,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY waited) AS median,
           percentile_cont(0.9) WITHIN GROUP (ORDER BY waited) AS p90
    FROM d WHERE own GROUP BY GROUPING SETS ((gate), ())
), people AS (
    SELECT by, gate, type, count(*) AS decisions FROM d WHERE own AND %(people)s GROUP BY by, gate, type
), steps AS (
    SELECT by, date_part('epoch', decided_at - lag(decided_at) OVER (PARTITION BY by ORDER BY decided_at)) AS seconds
    FROM d WHERE own AND %(people)s
), paces AS (
    SELECT by, count(*) AS decisions, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median
    FROM steps WHERE seconds >= 1 AND seconds <= 600 GROUP BY by
), edits AS (
    SELECT gate, k.field, count(*)::int AS edits
    FROM d CROSS JOIN LATERAL json_object_keys(CASE json_typeof(changes) WHEN 'object' THEN changes END) AS k (field)
    WHERE changes IS NOT NULL
    GROUP BY gate, k.field ORDER BY edits DESC, gate, field LIMIT 20
), asked AS (
    SELECT date_trunc('day', asked_at AT TIME ZONE 'UTC') AS day, count(*)::int AS asked FROM hitl.reviews
    WHERE asked_at > now() - make_interval(days => %(days)s::int) GROUP BY 1
), ended AS (
    SELECT date_trunc('day', decided_at AT TIME ZONE 'UTC') AS day, count(*)::int AS decided FROM d GROUP BY 1
), days AS (
    SELECT s.day::date AS day, coalesce(asked, 0) AS asked, coalesce(decided, 0) AS decided
    FROM generate_series(date_trunc('day', (now() - make_interval(days => %(days)s::int - 1)) AT TIME ZONE 'UTC'),
                         date_trunc('day', now() AT TIME ZONE 'UTC'), interval '1 day') AS s (day)
    LEFT JOIN asked USING (day) LEFT JOIN ended USING (day)
    ORDER BY s.day
)
SELECT (SELECT coalesce(json_agg(row_to_json(s)), '[]') FROM shares s) AS shares,
       (SELECT coalesce(json_agg(row_to_json(t)), '[]') FROM times t) AS times,
       (SELECT coalesce(json_agg(row_to_json(p)), '[]') FROM people p) AS people,
       (SELECT coalesce(json_agg(row_to_json(p)), '[]') FROM paces p) AS paces,
       (SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM edits e) AS edits,
       (SELECT json_agg(row_to_json(y)) FROM days y) AS days;

-- name: ages
-- How long what waits has waited.
SELECT count(*) FILTER (WHERE a.asked_at > now() - interval '1 hour')::int AS hour,
       count(*) FILTER (WHERE a.asked_at <= now() - interval '1 hour' AND a.asked_at > now() - interval '4 hours')::int AS four,
       count(*) FILTER (WHERE a.asked_at <= now() - interval '4 hours' AND a.asked_at > now() - interval '24 hours')::int AS day,
       count(*) FILTER (WHERE a.asked_at <= now() - interval '24 hours' AND a.asked_at > now() - interval '72 hours')::int AS three_days,
       count(*) FILTER (WHERE a.asked_at <= now() - interval '72 hours' AND a.asked_at > now() - interval '168 hours')::int AS week,
       count(*) FILTER (WHERE a.asked_at <= now() - interval '168 hours')::int AS older,
       extract(epoch FROM now() - min(a.asked_at))::float8 AS oldest_s
FROM hitl.reviews a WHERE a.status IN ('pending', 'decided', 'failed') AND a.status = 'pending';
