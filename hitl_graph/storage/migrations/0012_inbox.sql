-- The inbox: who is signed in, what they may see there, who is at which case, and what they look for again and again.

-- What somebody is at the desk: 'reviewer' decides, 'lead' also moves cases and holds things, 'admin' also says who may do
-- what, 'auditor' looks at everything and decides nothing.
ALTER TABLE hitl.people ADD COLUMN roles text[] NOT NULL DEFAULT '{reviewer}'
    CHECK (roles <@ ARRAY['reviewer', 'lead', 'admin', 'auditor'] AND roles <> '{}');

-- Who is signed in. Only the digest of what their browser holds is kept.
CREATE TABLE hitl.sessions (
    digest     bytea PRIMARY KEY,                       -- SHA-256 of the cookie
    person     text NOT NULL,                           -- what `by` says
    key        text NOT NULL,                           -- of the name
    name       text NOT NULL,
    way        text NOT NULL,                           -- how they signed in: 'token', 'header', 'oidc'
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expires ON hitl.sessions (expires_at);
CREATE INDEX sessions_key ON hitl.sessions (key);

-- A browser that was sent to a provider. Each is used once, by the browser that began it, and ends soon.
CREATE TABLE hitl.sign_ins (
    state      bytea PRIMARY KEY,                       -- SHA-256 of what the provider gives back
    browser    bytea NOT NULL,                          -- SHA-256 of the cookie of the browser
    nonce      text NOT NULL,
    verifier   text NOT NULL,                           -- PKCE: what proves that the code was asked for here
    leads_to   text NOT NULL,                           -- the page that they wanted
    expires_at timestamptz NOT NULL
);
CREATE INDEX sign_ins_expires ON hitl.sign_ins (expires_at);

-- Tokens with which somebody's programs act in their name. Only the digest is kept.
CREATE TABLE hitl.api_tokens (
    id         text PRIMARY KEY,                        -- to name it by; it opens nothing
    digest     bytea NOT NULL UNIQUE,                   -- SHA-256 of the token
    person     text NOT NULL,
    key        text NOT NULL,                           -- of the person
    label      text NOT NULL,                           -- what it is for
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz                              -- to the minute
);
CREATE INDEX api_tokens_key ON hitl.api_tokens (key);

-- Who has a case before them now. It is a hint for others, and no claim.
CREATE TABLE hitl.presence (
    thread_id text NOT NULL,
    review_id text NOT NULL,
    person    text NOT NULL,                            -- key of the name
    by        text NOT NULL,
    doing     text NOT NULL CHECK (doing IN ('viewing', 'editing')),
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (thread_id, review_id, person)
);

-- A view of the queue that somebody wants again.
CREATE TABLE hitl.filters (
    person   text NOT NULL,                             -- key of the name
    name     text NOT NULL,
    query    json NOT NULL,
    saved_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, name)
);

-- What the queue counts, sorts and filters by. A part of our own request stands at the top of what was asked, or under
-- `hitl` in another client's shape.
CREATE FUNCTION hitl.asked_part(payload json, part text[]) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(payload #> part, payload #> ('{hitl}' || part), payload #> ('{0,hitl}' || part), payload #> ('{0}' || part))
$$;
ALTER TABLE hitl.reviews
    ADD COLUMN rank     smallint NOT NULL GENERATED ALWAYS AS (
        CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'low' THEN 3 ELSE 2 END) STORED,
    ADD COLUMN risk     text GENERATED ALWAYS AS (
        CASE WHEN gate IS NOT NULL THEN hitl.asked_part(payload, '{action,risk}') #>> '{}' END) STORED,
    ADD COLUMN blocking boolean NOT NULL GENERATED ALWAYS AS (
        gate IS NOT NULL AND hitl.asked_part(payload, '{blocks,0}') IS NOT NULL) STORED;
CREATE INDEX reviews_pending_action ON hitl.reviews (action, seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_kind ON hitl.reviews (kind, seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_workflow ON hitl.reviews (workflow, seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_rank ON hitl.reviews (rank, seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_due ON hitl.reviews (coalesce(due_at, 'infinity'), seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_owner_due ON hitl.reviews (owner, coalesce(due_at, 'infinity'), seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_person ON hitl.reviews (person, seq) WHERE status = 'pending' AND person IS NOT NULL;
CREATE INDEX reviews_pending_claimed ON hitl.reviews (claimed_by, seq) WHERE status = 'pending' AND claimed_by IS NOT NULL;
CREATE INDEX reviews_pending_shared ON hitl.reviews (seq) WHERE status = 'pending' AND candidates <> '{}';
CREATE INDEX reviews_pending_blocking ON hitl.reviews (seq) WHERE status = 'pending' AND blocking;
CREATE INDEX reviews_pending_grave ON hitl.reviews (seq) WHERE status = 'pending' AND risk = 'high';
CREATE INDEX reviews_pending_escalated ON hitl.reviews (level, seq) WHERE status = 'pending' AND level > 0;
CREATE INDEX reviews_snoozed ON hitl.reviews (snoozed_until, seq) WHERE status = 'pending' AND snoozed_until IS NOT NULL;
CREATE INDEX reviews_failed ON hitl.reviews (seq) WHERE status = 'failed';
CREATE INDEX decisions_lately ON hitl.decisions (decided_at DESC, thread_id, review_id);

-- What stands at which gate of which graph, read from the index alone.
CREATE INDEX reviews_standing ON hitl.reviews (workflow, gate, node, status, asked_at)
    WHERE status IN ('pending', 'decided', 'failed');
CREATE INDEX reviews_asked ON hitl.reviews (asked_at);
CREATE INDEX reviews_facts ON hitl.reviews (thread_id, id) INCLUDE (gate, asked_at);

-- The log is read by who did it, by what was done and by day. Whose it is stands in a column, because row-level security
-- lets no index on an expression be used.
CREATE FUNCTION hitl.who_of(data json) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN left(lower(data ->> 'by'), 100);
EXCEPTION WHEN data_exception THEN
    RETURN NULL;  -- the log takes what it is told, also text that is none
END $$;
ALTER TABLE hitl.events ADD COLUMN who text GENERATED ALWAYS AS (hitl.who_of(data)) STORED;
CREATE INDEX events_who ON hitl.events (who, id) WHERE who IS NOT NULL;
CREATE INDEX events_type ON hitl.events (type, id);
CREATE INDEX events_at ON hitl.events (at);

SELECT hitl.guard_tables();
