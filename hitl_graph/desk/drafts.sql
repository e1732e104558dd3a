-- What reviewers have begun to write.

-- name: save_draft
WITH saved AS (
    INSERT INTO hitl.drafts (thread_id, review_id, person, by, body, digest, saved_at)
    VALUES (%(thread_id)s, %(id)s, %(person)s, %(by)s, %(body)s::json, %(digest)s, now())
    ON CONFLICT (tenant, thread_id, review_id, person) DO UPDATE SET
        body = excluded.body, digest = excluded.digest, saved_at = excluded.saved_at
    RETURNING thread_id, review_id, by, body, digest, saved_at
)
SELECT s.*, s.digest IS DISTINCT FROM r.digest AS stale
FROM saved s LEFT JOIN hitl.reviews r ON r.thread_id = s.thread_id AND r.id = s.review_id;

-- name: load_draft
SELECT f.thread_id, f.review_id, f.by, f.body, f.digest, f.saved_at, f.digest IS DISTINCT FROM r.digest AS stale
FROM hitl.drafts f LEFT JOIN hitl.reviews r ON r.thread_id = f.thread_id AND r.id = f.review_id
WHERE f.thread_id = %(thread_id)s AND f.review_id = %(id)s AND f.person = %(person)s;

-- name: list_drafts
-- One person's, newest first.
SELECT f.thread_id, f.review_id, f.by, f.body, f.digest, f.saved_at, f.digest IS DISTINCT FROM r.digest AS stale
FROM hitl.drafts f LEFT JOIN hitl.reviews r ON r.thread_id = f.thread_id AND r.id = f.review_id
WHERE f.person = %(person)s
ORDER BY f.saved_at DESC, f.thread_id, f.review_id
LIMIT 1000;

-- name: drop_draft
DELETE FROM hitl.drafts WHERE thread_id = %(thread_id)s AND review_id = %(id)s AND person = %(person)s
RETURNING review_id;
