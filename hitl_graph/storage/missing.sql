-- Pauses that no review speaks of: the thread was paused by LangGraph's own saver, or its checkpoints were restored.

-- name: paused_without_row
-- Tasks that wait for an answer at the head of their thread. Questions of threads that were stopped have their row. A
-- task that wrote its output has its answer. A parameter that is null does not filter.
SELECT w.thread_id, w.checkpoint_id, w.task_id, w.task_path, w.type, w.blob, c.metadata,
       (c.checkpoint ->> 'ts')::timestamptz AS since
FROM checkpoint_writes w
JOIN checkpoints c ON c.thread_id = w.thread_id AND c.checkpoint_ns = '' AND c.checkpoint_id = w.checkpoint_id
WHERE w.checkpoint_ns = '' AND w.channel = '__interrupt__'
  AND (%(thread_ids)s::text[] IS NULL OR w.thread_id = ANY (%(thread_ids)s))
  AND NOT EXISTS (
      SELECT FROM checkpoints n
      WHERE n.thread_id = w.thread_id AND n.checkpoint_ns = '' AND n.checkpoint_id > w.checkpoint_id)
  AND NOT EXISTS (
      SELECT FROM checkpoint_writes o
      WHERE o.thread_id = w.thread_id AND o.checkpoint_ns = '' AND o.checkpoint_id = w.checkpoint_id
        AND o.task_id = w.task_id
        AND o.channel NOT IN ('__interrupt__', '__resume__', '__error__', '__error_source_node__', '__scheduled__'))
  AND NOT EXISTS (
      SELECT FROM hitl.reviews r
      WHERE r.thread_id = w.thread_id AND r.checkpoint_id = w.checkpoint_id
        AND position(convert_to(r.id, 'UTF8') IN w.blob) > 0)
  AND NOT EXISTS (
      SELECT FROM hitl.waits x
      WHERE x.thread_id = w.thread_id AND x.checkpoint_id = w.checkpoint_id AND x.task_id = w.task_id)
ORDER BY since, w.thread_id, w.task_id
LIMIT %(limit)s;

-- name: opened
-- Who had the rows written that were missing.
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'row_opened', %(thread_id)s, id, json_build_object(
    'by', %(by)s::text, 'because', 'the thread was paused here without a review') FROM unnest(%(ids)s::text[]) AS id;
