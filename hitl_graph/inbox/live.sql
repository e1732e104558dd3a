-- What pages hear of.

-- name: signs
-- Two signs, one of which is another after every commit that pages show: the sum of the latest events' numbers, which grows with
-- each event, also with one that is committed after those that follow it; and who is at which case.
SELECT (SELECT sum(id) FROM (SELECT id FROM hitl.events ORDER BY id DESC LIMIT 256) AS latest) AS events,
       (SELECT string_agg(concat_ws(' ', thread_id, review_id, person, doing), ',' ORDER BY thread_id, review_id, person)
        FROM hitl.presence WHERE seen_at > now() - make_interval(secs => %(fresh_s)s::float8)) AS presence;
