-- Who is told of what, and what is still to be told. Rows are written in the transaction of the event that they tell
-- of, and sent afterwards. None of them holds a proposal, evidence, a question or a decision's content.

-- Addresses and secrets may hold passwords: they are shown to nobody and written into no event.
CREATE TABLE hitl.targets (
    id         text PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('apprise', 'webhook')),
    address    text NOT NULL,
    secret     text,                                    -- signs what a webhook is sent
    owner      text NOT NULL DEFAULT '*',               -- the group or the person whose cases these are; '*': all
    events     text[],                                  -- only these types; null: all that a person should hear of
    person     text,                                    -- who reads it: one-use links are made out to them
    actions    text[] NOT NULL DEFAULT '{}',            -- what those links may decide
    trusted    boolean NOT NULL DEFAULT false,          -- the address may be in a private network, or of any scheme
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE hitl.outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id  text NOT NULL UNIQUE DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),  -- the same in every attempt
    target_id   text NOT NULL,
    event_id    bigint NOT NULL,
    event       text NOT NULL,                          -- the event's type; 'closed' for all that settle a case
    thread_id   text NOT NULL,
    review_id   text NOT NULL,
    body        json NOT NULL,
    status      text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'failed', 'retracted')),
    attempts    int NOT NULL DEFAULT 0,                 -- counted when one begins
    refused     int NOT NULL DEFAULT 0,                 -- attempts that certainly reached nobody
    created_at  timestamptz NOT NULL DEFAULT now(),
    next_at     timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz,                            -- somebody is sending it
    settled_at  timestamptz,
    error       text                                    -- in our own words: no address, no answer of the receiver
);
CREATE INDEX outbox_due ON hitl.outbox (target_id, id) WHERE status = 'queued';
CREATE INDEX outbox_review ON hitl.outbox (thread_id, review_id);

-- Programs that may decide by signed webhook, and in whose name.
CREATE TABLE hitl.senders (
    id         text PRIMARY KEY,
    secret     text NOT NULL,
    people     text[] NOT NULL DEFAULT '{}',
    groups     text[] NOT NULL DEFAULT '{}',            -- in the name of anybody who is listed in one of these
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Keys of this installation, made when first needed.
CREATE TABLE hitl.secrets (
    id         text PRIMARY KEY,
    secret     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Links that have decided something: none does it twice. Once they have expired the reconciler forgets them.
CREATE TABLE hitl.used_links (
    nonce      text PRIMARY KEY,
    thread_id  text NOT NULL,
    review_id  text NOT NULL,
    by         text NOT NULL,
    used_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_links_expired ON hitl.used_links (expires_at);

-- Queues what an event has to tell. What settles a case takes back what has not gone out, and tells those who may have
-- been told of the case since it was last settled. A target whose own notices fail hears nothing of it, and nobody is
-- told that an alarm could not be told.
CREATE FUNCTION hitl.tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    settles boolean := new.type IN ('decided', 'decided_elsewhere', 'applied', 'superseded');
BEGIN
    IF NOT EXISTS (SELECT FROM hitl.targets WHERE active) THEN
        RETURN NULL;
    END IF;
    IF settles THEN
        UPDATE hitl.outbox SET status = 'retracted', settled_at = now()
        WHERE thread_id = new.thread_id AND review_id = new.review_id AND status = 'queued'
          AND event NOT IN ('closed', 'alarm') AND (lease_until IS NULL OR lease_until <= now());
    END IF;
    INSERT INTO hitl.outbox (target_id, event_id, event, thread_id, review_id, body)
    SELECT t.id, new.id, CASE WHEN settles THEN 'closed' ELSE new.type END, new.thread_id, new.review_id,
           json_strip_nulls(json_build_object(
               'thread_id', nullif(new.thread_id, ''), 'review_id', nullif(new.review_id, ''), 'workflow', r.workflow,
               'gate', r.gate, 'kind', r.kind, 'action', r.action, 'priority', r.priority, 'owner', r.owner,
               'person', r.person, 'status', r.status, 'level', r.level, 'digest', r.digest, 'asked_at', r.asked_at,
               'due_at', r.due_at, 'at', new.at,
               'allowed', CASE WHEN r.shape = 'native' AND NOT settles THEN r.payload -> 'allowed' END,
               'by', CASE WHEN settles THEN coalesce(d.by, new.data ->> 'by') END))
    FROM hitl.targets t
    LEFT JOIN hitl.reviews r ON r.thread_id = new.thread_id AND r.id = new.review_id
    LEFT JOIN hitl.decisions d ON d.thread_id = new.thread_id AND d.review_id = new.review_id
    WHERE t.active AND CASE WHEN settles THEN EXISTS (
            SELECT FROM hitl.outbox o
            WHERE o.target_id = t.id AND o.thread_id = new.thread_id AND o.review_id = new.review_id
              AND o.event NOT IN ('closed', 'alarm') AND (o.status = 'sent' OR o.attempts > o.refused)
              AND o.id > coalesce((
                  SELECT max(c.id) FROM hitl.outbox c
                  WHERE c.target_id = t.id AND c.thread_id = new.thread_id AND c.review_id = new.review_id
                    AND c.event = 'closed'), 0))
        ELSE (t.owner = '*' OR t.owner IN (r.owner, new.data ->> 'group')
              OR lower(t.owner) IN (lower(r.person), lower(r.claimed_by), lower(new.data ->> 'person')))
             AND (t.events IS NULL OR new.type = ANY (t.events))
             AND NOT (new.type = 'alarm' AND (
                 coalesce(new.data ->> 'event', '') = 'alarm' OR coalesce(new.data ->> 'target', '') = t.id))
        END;
    RETURN NULL;
END $$;
CREATE TRIGGER events_tell AFTER INSERT ON hitl.events FOR EACH ROW
    WHEN (new.type IN (
        'asked', 'changed', 'reopened', 'refused', 'undone', 'reassigned', 'rerouted', 'reminded', 'escalated',
        'repeated', 'expired', 'failed', 'effect_unknown', 'stood_still', 'alarm', 'decided', 'decided_elsewhere', 'applied', 'superseded'))
    EXECUTE FUNCTION hitl.tell();
