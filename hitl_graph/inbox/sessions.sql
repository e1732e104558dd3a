-- Who is signed in.

-- name: open_session
-- Those that have ended go at the same time, and the one that this browser had before.
WITH ended AS (DELETE FROM hitl.sessions WHERE expires_at <= now() OR digest = %(before)s),
told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    VALUES ('signed_in', '', '', json_build_object('by', %(person)s::text, 'way', %(way)s::text))
)
INSERT INTO hitl.sessions (digest, person, key, name, way, expires_at)
VALUES (%(digest)s, %(person)s, %(key)s, %(name)s, %(way)s, now() + make_interval(secs => %(seconds)s::float8));

-- name: find_session
-- Who it is, as the directory knows them now, and whether anybody is listed.
SELECT s.person, s.name, s.way, (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = s.key) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed
FROM hitl.sessions s WHERE s.digest = %(digest)s AND s.expires_at > now();

-- name: close_session
WITH closed AS (DELETE FROM hitl.sessions WHERE digest = %(digest)s RETURNING person, way)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'signed_out', '', '', json_build_object('by', person, 'way', way) FROM closed;

-- name: known
-- Somebody as the directory knows them, and whether anybody is listed.
SELECT (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = %(person)s) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed;
