-- Who may decide, who is at it, and what came of it.
ALTER TABLE hitl.reviews
    ADD COLUMN claimed_by    text,
    ADD COLUMN claimed_until timestamptz,               -- a lease: past it, nobody holds the case
    ADD COLUMN snoozed_until timestamptz,
    ADD COLUMN approvals     int NOT NULL DEFAULT 1,    -- how many people must say the same yes
    ADD COLUMN level         int NOT NULL DEFAULT 0,    -- how often the case was escalated
    ADD COLUMN candidates    text[] NOT NULL DEFAULT '{}',      -- groups besides the owner that may act: those it was escalated from or to
    ADD COLUMN rerouted      boolean NOT NULL DEFAULT false;    -- owner and person were set by hand: asked anew, it stays theirs

ALTER TABLE hitl.decisions
    ADD COLUMN identity      json,                      -- who decided, as the server knows them at that time
    ADD COLUMN final_digest  text,                      -- of the act that was let through; null where none was
    ADD COLUMN dispatch_at   timestamptz NOT NULL DEFAULT now(),  -- from when the thread may be told
    ADD COLUMN dispatched_at timestamptz;               -- when it was: from here on there is no undo

-- One vote per person and review, where several people must say the same yes.
CREATE TABLE hitl.votes (
    thread_id text NOT NULL,
    review_id text NOT NULL,
    person    text NOT NULL,                            -- the id without regard to case: one person, one vote
    by        text NOT NULL,
    decision  json NOT NULL,
    content   text NOT NULL,                            -- digest of what was decided, without the grounds for it
    digest    text NOT NULL,                            -- of what was shown
    identity  json NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT votes_pkey PRIMARY KEY (thread_id, review_id, person)
);

-- The directory. While it is empty, anybody named may decide.
CREATE TABLE hitl.people (
    key        text CONSTRAINT people_pkey PRIMARY KEY, -- the id without regard to case
    id         text NOT NULL,
    name       text NOT NULL,
    groups     text[] NOT NULL DEFAULT '{}',
    kind       text NOT NULL DEFAULT 'human' CHECK (kind IN ('human', 'system', 'agent')),
    active     boolean NOT NULL DEFAULT true,
    time_zone  text,                                    -- such as Europe/Lisbon
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Who may let which act through, and up to which amount. An action that no row names is left to the candidate groups.
CREATE TABLE hitl.authority (
    holder_kind text NOT NULL CHECK (holder_kind IN ('group', 'person')),
    holder      text NOT NULL,                          -- the group's name, or the person's key
    action      text NOT NULL,                          -- a name, or a pattern with * and ?
    pattern     text NOT NULL,                          -- the same for LIKE
    max_amount  numeric CHECK (max_amount >= 0),        -- null: any amount
    CONSTRAINT authority_pkey PRIMARY KEY (holder_kind, holder, action)
);

-- What one reviewer has begun to write. Nobody else's decision, lease or takeover touches it.
CREATE TABLE hitl.drafts (
    thread_id text NOT NULL,
    review_id text NOT NULL,
    person    text NOT NULL,
    by        text NOT NULL,
    body      json NOT NULL,
    digest    text NOT NULL,                            -- of what was shown
    saved_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT drafts_pkey PRIMARY KEY (thread_id, review_id, person)
);

-- The reasons and causes that decisions may name; gate '' stands for all gates.
CREATE TABLE hitl.codes (
    kind  text NOT NULL CHECK (kind IN ('reason', 'cause')),
    gate  text NOT NULL DEFAULT '',
    code  text NOT NULL,
    label text NOT NULL,
    CONSTRAINT codes_pkey PRIMARY KEY (kind, gate, code)
);

-- Requests that carried an idempotency key, written in the transaction of what they did. The reconciler forgets them 30
-- days after their case was closed.
CREATE TABLE hitl.requests (
    key       text CONSTRAINT requests_pkey PRIMARY KEY,
    body      text NOT NULL,                            -- digest of everything that was asked for
    thread_id text NOT NULL,
    review_id text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX requests_old ON hitl.requests (at);

-- Who has said yes so far where several must, in order. `counts`: to what stands there now.
CREATE FUNCTION hitl.votes_of(thread text, review text, shown text, wanted int) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN wanted = 1 THEN '[]' ELSE (
        SELECT coalesce(json_agg(json_build_object(
            'by', v.by, 'at', v.at, 'decision', v.decision, 'counts', v.digest = shown) ORDER BY v.at), '[]')
        FROM hitl.votes v WHERE v.thread_id = thread AND v.review_id = review) END
$$;
