-- What somebody has at the inbox.

-- name: sessions_of
-- Where they are signed in, newest first.
SELECT created_at, expires_at, way, digest = %(here)s AS here FROM hitl.sessions
WHERE key = %(key)s AND expires_at > now() ORDER BY created_at DESC LIMIT 50;

-- name: sign_out_everywhere
-- Every browser, this one too.
WITH gone AS (DELETE FROM hitl.sessions WHERE key = %(key)s RETURNING 1)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'signed_out', '', '', json_build_object('by', %(by)s::text, 'way', 'everywhere', 'browsers', count(*)) FROM gone;
