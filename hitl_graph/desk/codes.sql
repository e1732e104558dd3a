-- The reasons and causes that decisions may name. Gate '' stands for all gates.

-- name: put_code
WITH put AS (
    INSERT INTO hitl.codes (kind, gate, code, label) VALUES (%(kind)s, %(gate)s, %(code)s, %(label)s)
    ON CONFLICT (tenant, kind, gate, code) DO UPDATE SET label = excluded.label
    RETURNING kind, gate, code, label
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'code_put', '', '', json_build_object(
    'by', %(by)s::text, 'kind', kind, 'gate', gate, 'code', code, 'label', label) FROM put;

-- name: list_codes
-- All, or those of one kind, or those that decisions of one gate may name.
SELECT kind, gate, code, label FROM hitl.codes
WHERE (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(gate)s::text IS NULL OR gate IN ('', %(gate)s))
ORDER BY kind, gate, code;

-- name: remove_code
WITH removed AS (
    DELETE FROM hitl.codes WHERE kind = %(kind)s AND gate = %(gate)s AND code = %(code)s
    RETURNING kind, gate, code
)
INSERT INTO hitl.events (type, thread_id, review_id, data)
SELECT 'code_removed', '', '', json_build_object('by', %(by)s::text, 'kind', kind, 'gate', gate, 'code', code)
FROM removed
RETURNING id;
