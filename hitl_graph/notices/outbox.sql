-- Sending what the outbox holds. `now()` is the time of all of this.

-- name: due_targets
-- Targets for which something is to be sent. A target that is switched off keeps its notices.
SELECT DISTINCT o.target_id AS target
FROM hitl.outbox o LEFT JOIN hitl.targets t ON t.id = o.target_id
WHERE o.status = 'queued' AND o.next_at <= now() AND (o.lease_until IS NULL OR o.lease_until <= now())
  AND coalesce(t.active, true);

-- name: retract
-- Nobody needs to hear that a case waits which waits no more, nor can anybody without a target.
UPDATE hitl.outbox o SET status = 'retracted', settled_at = now(), lease_until = NULL
WHERE o.target_id = %(target)s AND o.status = 'queued' AND (o.lease_until IS NULL OR o.lease_until <= now())
  AND (NOT EXISTS (SELECT FROM hitl.targets t WHERE t.id = o.target_id)
       OR (o.event IN ('asked', 'changed', 'reopened', 'refused', 'undone', 'reassigned', 'rerouted', 'reminded', 'escalated',
                       'repeated', 'expired')
           AND NOT EXISTS (SELECT FROM hitl.reviews r
                           WHERE r.thread_id = o.thread_id AND r.id = o.review_id AND r.status = 'pending')));

-- name: claim
-- The next notice for a target, for whoever comes first; none while another process is seen to send to it. The row's own
-- lease is looked at again when its lock was waited for, that of others is not: two may send to one target at a time,
-- and never the same notice.
WITH next AS (
    SELECT o.id FROM hitl.outbox o
    WHERE o.target_id = %(target)s AND o.status = 'queued' AND o.next_at <= now()
      AND (o.lease_until IS NULL OR o.lease_until <= now())
      AND NOT EXISTS (
          SELECT FROM hitl.outbox b
          WHERE b.target_id = o.target_id AND b.status = 'queued' AND b.lease_until > now())
    ORDER BY o.id LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE hitl.outbox o SET attempts = attempts + 1, lease_until = now() + make_interval(secs => %(lease_s)s)
    FROM next n WHERE o.id = n.id
    RETURNING o.*
)
SELECT o.id, o.message_id, o.event, o.thread_id, o.review_id, o.body, o.attempts, o.created_at, now() AS now,
       t.id AS target, t.kind, t.address, t.secret, t.person, t.actions, t.trusted
FROM taken o JOIN hitl.targets t ON t.id = o.target_id AND t.active;

-- name: mark_sent
-- It has been, even if the lease is another's by now.
UPDATE hitl.outbox SET status = 'sent', settled_at = now(), lease_until = NULL, error = NULL
WHERE id = %(id)s AND status = 'queued';

-- name: mark_failed
-- Tried again later and later, at most every hour and never all at the same time; after the last attempt it is given up
-- and an alarm says so.
WITH failed AS (
    UPDATE hitl.outbox SET
        status = CASE WHEN %(final)s OR attempts >= %(most)s THEN 'failed' ELSE 'queued' END,
        settled_at = CASE WHEN %(final)s OR attempts >= %(most)s THEN now() END,
        refused = refused + CASE WHEN %(certain)s THEN 1 ELSE 0 END,
        next_at = now() + make_interval(secs => least(3600, 15 * 2 ^ least(attempts - 1, 16)) * (0.5 + random() / 2)),
        lease_until = NULL,
        error = %(error)s
    WHERE id = %(id)s AND attempts = %(attempts)s AND status = 'queued'
    RETURNING id, status, target_id, event, thread_id, review_id
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'alarm', thread_id, review_id, json_build_object(
    'by', 'system:notices', 'what', 'a notice could not be sent', 'target', target_id, 'notice', id, 'event', event,
    'why', %(error)s::text)
FROM failed WHERE status = 'failed';
