-- One run of a thread at a time, among all processes. A run is a lease with a token that only grows: whoever takes over
-- gets a higher one, and what the earlier holder writes from then on is refused inside its own transaction.
DROP TABLE hitl.runs;
CREATE SEQUENCE hitl.run_tokens;
CREATE TABLE hitl.runs (
    thread_id   text PRIMARY KEY,
    token       bigint NOT NULL,
    holder      text,                                   -- who runs it; null: nobody does, and the token is remembered
    reviews     text[] NOT NULL DEFAULT '{}',           -- what the run was given, while it is under way
    broken_off  boolean NOT NULL DEFAULT false,         -- an earlier run did not come to its end, and none has since
    error       text,                                   -- what it raised when it was run on by itself
    stood_at    text,                                   -- the checkpoint that it stands at with that
    started_at  timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz NOT NULL
);
CREATE INDEX runs_held ON hitl.runs (lease_until) WHERE holder IS NOT NULL;

-- Refuses a write of a run that another has taken over. The share lock lets a take-over wait for the write under way.
CREATE FUNCTION hitl.check_fence(thread text, fence bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    current bigint;
BEGIN
    SELECT token INTO current FROM hitl.runs WHERE thread_id = thread FOR SHARE;
    IF current IS DISTINCT FROM fence THEN
        RAISE EXCEPTION 'run % of thread % was taken over by run %: nothing of it is written any more',
            fence, thread, coalesce(current::text, 'none') USING ERRCODE = 'HG001';
    END IF;
END $$;
