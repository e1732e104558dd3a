-- Links in messages that decide one case, once.

-- name: secret
-- The key of this installation: made by whoever needs it first.
WITH made AS (
    INSERT INTO hitl.secrets (id, secret) VALUES (%(id)s, %(new)s) ON CONFLICT DO NOTHING RETURNING secret
)
SELECT secret FROM made UNION ALL SELECT secret FROM hitl.secrets WHERE id = %(id)s LIMIT 1;

-- name: state
-- What the database says of a link: its own time, and whether the link has been used.
SELECT extract(epoch FROM now())::float8 AS now,
       EXISTS (SELECT FROM hitl.used_links WHERE nonce = %(nonce)s) AS used;

-- name: use
-- Nothing comes back where the link was used before.
INSERT INTO hitl.used_links (nonce, thread_id, review_id, by, expires_at)
VALUES (%(nonce)s, %(thread_id)s, %(review_id)s, %(by)s, to_timestamp(%(expires)s))
ON CONFLICT DO NOTHING RETURNING nonce;

-- name: senders
-- Whose signatures count.
SELECT id, secret, people, groups, extract(epoch FROM now())::float8 AS now FROM hitl.senders WHERE active ORDER BY id;

-- name: groups_of
-- The groups of a person who is listed and active.
SELECT groups FROM hitl.people WHERE key = %(key)s AND active;
