-- Tokens with which somebody's programs act in their name.

-- name: make_token
WITH made AS (
    INSERT INTO hitl.api_tokens (id, digest, person, key, label, expires_at)
    VALUES (%(id)s, %(digest)s, %(person)s, %(key)s, %(label)s, now() + make_interval(days => %(days)s::int))
    RETURNING id, person, label, created_at, expires_at, used_at
), told AS (
    INSERT INTO hitl.events (type, thread_id, review_id, data)
    SELECT 'token_made', '', '', json_build_object(
        'by', %(by)s::text, 'person', person, 'token', id, 'label', label, 'expires_at', expires_at)
    FROM made
)
SELECT * FROM made;

-- name: find_token
-- Who it is, as the directory knows them now, and whether anybody is listed.
SELECT t.id, t.label, t.person, t.person AS name, (SELECT row_to_json(p) FROM (
            SELECT id, name, kind, groups, active, roles FROM hitl.people WHERE key = t.key) AS p) AS known,
       EXISTS (SELECT FROM hitl.people) AS listed,
       t.used_at IS NULL OR t.used_at < now() - interval '1 minute' AS unnoted
FROM hitl.api_tokens t WHERE t.digest = %(digest)s AND t.expires_at > now();

-- name: note_use
UPDATE hitl.api_tokens SET used_at = now() WHERE id = %(id)s;

-- name: list_tokens
-- Those of one person, or of everybody, newest first.
SELECT id, person, label, created_at, expires_at, used_at FROM hitl.api_tokens
WHERE (%(key)s::text IS NULL OR key = %(key)s) AND expires_at > now() ORDER BY created_at DESC, id LIMIT 1000;

-- name: revoke_token
-- One's own, or anybody's where no key is said.
WITH gone AS (
    DELETE FROM hitl.api_tokens WHERE id = %(id)s AND (%(key)s::text IS NULL OR key = %(key)s)
    RETURNING id, person, label
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'token_revoked', '', '', json_build_object('by', %(by)s::text, 'person', person, 'token', id, 'label', label)
FROM gone
RETURNING id;
