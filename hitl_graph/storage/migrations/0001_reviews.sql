-- Reviews, decisions and audit events, beside LangGraph's checkpoint tables and in the same database, because one
-- transaction spans both. `json`, not `jsonb`, where the exact bytes count.

CREATE TABLE hitl.reviews (
    thread_id       text NOT NULL,
    id              text NOT NULL,                     -- the interrupt's id, in every place
    seq             bigint GENERATED ALWAYS AS IDENTITY,
    checkpoint_id   text NOT NULL,                     -- the checkpoint that the thread paused at
    task_id         text NOT NULL,
    node            text NOT NULL,                     -- root node of the task; empty when LangGraph does not say
    workflow        text,                              -- name of the graph, where it is known
    shape           text NOT NULL,                     -- whose payload it is: 'native', or that of another asker
    gate            text,
    kind            text,
    action          text,
    question        text NOT NULL,
    owner           text,                              -- the group that must act
    person          text,
    priority        text NOT NULL DEFAULT 'normal',
    status          text NOT NULL DEFAULT 'pending'
                    CHECK (status IN ('pending', 'decided', 'applied', 'failed', 'superseded')),
    payload         json NOT NULL,                     -- exactly what is shown
    response_schema json,
    digest          text NOT NULL,
    asked_at        timestamptz NOT NULL DEFAULT now(),
    due_at          timestamptz,
    closed_at       timestamptz,
    error           text,                              -- why the last answer did not take
    PRIMARY KEY (thread_id, id)
);
CREATE INDEX reviews_id ON hitl.reviews (id);
CREATE UNIQUE INDEX reviews_seq ON hitl.reviews (seq);
CREATE INDEX reviews_pending ON hitl.reviews (seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_owner ON hitl.reviews (owner, seq) WHERE status = 'pending';
CREATE INDEX reviews_pending_gate ON hitl.reviews (gate, seq) WHERE status = 'pending';
CREATE INDEX reviews_decided ON hitl.reviews (thread_id) WHERE status = 'decided';
CREATE INDEX reviews_open ON hitl.reviews (thread_id) WHERE status IN ('pending', 'decided', 'failed');

-- At most one for each review (I1). `decision` is null while only the fact is known that somebody answered.
CREATE TABLE hitl.decisions (
    thread_id  text NOT NULL,
    review_id  text NOT NULL,
    type       text NOT NULL,                          -- 'approve', 'edit', …, or 'elsewhere'
    decision   json,
    by         text NOT NULL,
    via        text NOT NULL,                          -- 'desk', or 'resume' for an answer that came another way
    digest     text NOT NULL,                          -- of what was shown
    decided_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (thread_id, review_id),
    FOREIGN KEY (thread_id, review_id) REFERENCES hitl.reviews (thread_id, id)
);

-- What happened, in the transaction of what it describes.
CREATE TABLE hitl.events (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    type      text NOT NULL,
    thread_id text NOT NULL,
    review_id text NOT NULL,
    data      json NOT NULL DEFAULT '{}'
);
CREATE INDEX events_review ON hitl.events (thread_id, review_id, id);

CREATE FUNCTION hitl.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'hitl.events is append-only';
END $$;
CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hitl.events
    FOR EACH STATEMENT EXECUTE FUNCTION hitl.refuse_change();
