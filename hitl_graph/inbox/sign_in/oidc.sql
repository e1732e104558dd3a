-- Browsers that were sent to a provider.

-- name: begin
-- Those that never came back go at the same time.
WITH ended AS (DELETE FROM hitl.sign_ins WHERE expires_at <= now())
INSERT INTO hitl.sign_ins (state, browser, nonce, verifier, leads_to, expires_at)
VALUES (%(state)s, %(browser)s, %(nonce)s, %(verifier)s, %(to)s, now() + make_interval(secs => %(seconds)s::float8));

-- name: take
-- Once, and only for the browser that began it.
DELETE FROM hitl.sign_ins WHERE state = %(state)s AND browser = %(browser)s AND expires_at > now()
RETURNING nonce, verifier, leads_to;
