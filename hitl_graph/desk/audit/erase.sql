-- Erasing a thread: what people and the graph wrote goes; ids, types, times and who decided stay. A digest of something
-- that can be guessed tells what it was: each is hashed once more with a salt (`%(salt)s`) that nobody keeps. Those that
-- were equal stay equal, so that it can still be told that what was done is what was decided on, and that on what was shown.

-- name: threads
-- The thread, and those in which its detached cases wait, and so on.
WITH RECURSIVE whole AS (
    SELECT %(thread_id)s::text AS thread_id
    UNION SELECT x.child FROM hitl.detached x JOIN whole w ON x.parent = w.thread_id
)
SELECT thread_id FROM whole ORDER BY thread_id <> %(thread_id)s, thread_id;

-- name: in_the_way
-- Open cases, and runs under way or asked for. The row lock keeps a new run waiting until this is done.
WITH locked AS (
    SELECT holder, lease_until FROM hitl.runs WHERE thread_id = %(thread_id)s FOR UPDATE
)
SELECT (SELECT count(*) FROM hitl.reviews
        WHERE thread_id = %(thread_id)s AND status IN ('pending', 'decided', 'failed')) AS open,
       (SELECT count(*) FROM locked WHERE holder IS NOT NULL AND lease_until >= now())
       + (SELECT count(*) FROM hitl.starts
          WHERE thread_id = %(thread_id)s AND status IN ('queued', 'running')) AS runs;

-- name: reviews
-- What was shown.
UPDATE hitl.reviews SET payload = '{"erased": true}', response_schema = NULL, shape = 'raw', question = '[erased]',
       error = NULL, digest = 'erased:' || encode(sha256(convert_to(%(salt)s || digest, 'UTF8')), 'hex')
WHERE thread_id = %(thread_id)s;

-- name: decisions
UPDATE hitl.decisions
SET decision = NULL, digest = 'erased:' || encode(sha256(convert_to(%(salt)s || digest, 'UTF8')), 'hex'),
    final_digest = 'erased:' || encode(sha256(convert_to(%(salt)s || final_digest, 'UTF8')), 'hex')
WHERE thread_id = %(thread_id)s;

-- name: votes
UPDATE hitl.votes
SET decision = '{"erased": true}', content = 'erased:' || encode(sha256(convert_to(%(salt)s || content, 'UTF8')), 'hex'),
    digest = 'erased:' || encode(sha256(convert_to(%(salt)s || digest, 'UTF8')), 'hex')
WHERE thread_id = %(thread_id)s;

-- name: requests
-- Idempotency keys, which callers make up, and what they stood for.
DELETE FROM hitl.requests WHERE thread_id = %(thread_id)s;

-- name: drafts
DELETE FROM hitl.drafts WHERE thread_id = %(thread_id)s;

-- name: effects
-- What came of the acts. That they were done stays, so that nothing is done again.
UPDATE hitl.effects
SET result = NULL, result_type = NULL, error = NULL,
    digest = 'erased:' || encode(sha256(convert_to(%(salt)s || digest, 'UTF8')), 'hex')
WHERE thread_id = %(thread_id)s;

-- name: starts
-- What runs were started with. One that waits is not made any more.
UPDATE hitl.starts SET input = '{}', config = '{}', error = 'the thread was erased',
       status = CASE WHEN status = 'done' THEN status ELSE 'failed' END, finished_at = coalesce(finished_at, now())
WHERE thread_id = %(thread_id)s;

-- name: holds
-- Why it was held, in somebody's words. The hold itself stands.
UPDATE hitl.holds SET reason = '[erased]', note = NULL WHERE scope = 'thread' AND value = %(thread_id)s;

-- name: halted
UPDATE hitl.halted SET because = '[erased]' WHERE thread_id = %(thread_id)s;

-- name: waits
-- What it raised when it went on.
UPDATE hitl.waits SET error = '[erased]' WHERE thread_id = %(thread_id)s AND error IS NOT NULL;

-- name: runs
UPDATE hitl.runs SET error = NULL, stood_at = NULL WHERE thread_id = %(thread_id)s AND error IS NOT NULL;

-- name: outbox
-- Notices of the thread hold no content; what a failed delivery said may.
UPDATE hitl.outbox SET error = NULL WHERE thread_id = %(thread_id)s;

-- name: checkpoints
DELETE FROM checkpoints WHERE thread_id = %(thread_id)s AND tenant = hitl.tenant();

-- name: checkpoint_blobs
DELETE FROM checkpoint_blobs WHERE thread_id = %(thread_id)s AND tenant = hitl.tenant();

-- name: checkpoint_writes
DELETE FROM checkpoint_writes WHERE thread_id = %(thread_id)s AND tenant = hitl.tenant();

-- name: superseded
-- What was still open is closed: nothing of it can be shown or resumed.
WITH closed AS (
    UPDATE hitl.reviews SET status = 'superseded', closed_at = now()
    WHERE thread_id = %(thread_id)s AND status IN ('pending', 'decided', 'failed')
    RETURNING thread_id, id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'superseded', thread_id, id, json_build_object('by', %(by)s::text, 'because', 'the thread was erased') FROM closed;

-- name: events
-- What the events say. Their types and times stay, and the chain holds their digests.
SELECT hitl.erase_events(%(thread_id)s) AS count;

-- name: record
-- That it was erased, by whom and why, and how many rows of what.
WITH kept AS (
    INSERT INTO hitl.erasures (thread_id, by, reason) VALUES (%(thread_id)s, %(by)s, %(reason)s)
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
VALUES ('erased', %(thread_id)s, '', json_build_object(
    'by', %(by)s::text, 'reason', %(reason)s::text, 'rows', %(data)s::json));
