-- The audit log, sealed: each tenant's events hang on one another by their hashes, in the order in which they were sealed.
-- docs/decisions/0015.

-- Whose rows a connection sees and writes.
CREATE FUNCTION hitl.tenant() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(nullif(current_setting('hitl.tenant', true), ''), 'default')
$$;

ALTER TABLE hitl.events
    ADD COLUMN tenant text NOT NULL DEFAULT 'default',
    ADD COLUMN salt   bytea DEFAULT uuid_send(gen_random_uuid()),  -- without it, a digest tells nothing of erased data
    ALTER COLUMN thread_id SET DEFAULT '',
    ALTER COLUMN review_id SET DEFAULT '',
    ALTER COLUMN data DROP NOT NULL;                    -- null once it was erased
ALTER TABLE hitl.events ALTER COLUMN tenant SET DEFAULT hitl.tenant();

CREATE TABLE hitl.chain (
    tenant      text NOT NULL DEFAULT hitl.tenant(),
    seq         bigint NOT NULL,                        -- 1, 2, 3, … without a gap
    event_id    bigint NOT NULL,
    data_digest bytea NOT NULL,                         -- SHA-256 of the salt and the data's text; outlives both
    prev        bytea NOT NULL,                         -- hash of the seal before; of the first: 32 zero bytes
    hash        bytea NOT NULL,
    sealed_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, seq),
    UNIQUE (tenant, event_id)
);

-- Events that wait for the sealer. An event whose transaction commits late appears here late, and is sealed then.
CREATE TABLE hitl.unsealed (
    event_id bigint PRIMARY KEY,
    tenant   text NOT NULL DEFAULT hitl.tenant()
);
INSERT INTO hitl.unsealed (event_id, tenant) SELECT id, tenant FROM hitl.events;

-- These two run as their owner: nobody else changes the list, so that nobody keeps an event from its seal.
CREATE FUNCTION hitl.await_seal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO hitl.unsealed (event_id, tenant) VALUES (NEW.id, NEW.tenant);
    RETURN NULL;
END $$;

-- Takes from the list what has its seal.
CREATE FUNCTION hitl.wait_no_longer(events bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM hitl.unsealed u USING hitl.chain c
    WHERE u.tenant = hitl.tenant() AND c.tenant = u.tenant AND c.event_id = u.event_id AND u.event_id = ANY (events)
$$;
CREATE TRIGGER events_await_seal AFTER INSERT ON hitl.events FOR EACH ROW EXECUTE FUNCTION hitl.await_seal();

-- What was erased: after a backup is restored, these threads are to be erased again.
CREATE TABLE hitl.erasures (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id text NOT NULL,
    by        text NOT NULL,
    reason    text NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erasures_thread ON hitl.erasures (thread_id);

-- Events and seals are only ever added. One change is possible: `hitl.erase_events` empties data and salt of events.
CREATE OR REPLACE FUNCTION hitl.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'hitl.% is append-only', TG_TABLE_NAME;
END $$;

CREATE FUNCTION hitl.only_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hitl.erasing', true) = 'on' AND NEW.data IS NULL AND NEW.salt IS NULL
       AND (NEW.tenant, NEW.id, NEW.at, NEW.type, NEW.thread_id, NEW.review_id)
           IS NOT DISTINCT FROM (OLD.tenant, OLD.id, OLD.at, OLD.type, OLD.thread_id, OLD.review_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'hitl.events is append-only';
END $$;

DROP TRIGGER events_append_only ON hitl.events;
CREATE TRIGGER events_append_only BEFORE DELETE OR TRUNCATE ON hitl.events
    FOR EACH STATEMENT EXECUTE FUNCTION hitl.refuse_change();
CREATE TRIGGER events_only_erasure BEFORE UPDATE ON hitl.events
    FOR EACH ROW EXECUTE FUNCTION hitl.only_erasure();
CREATE TRIGGER chain_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hitl.chain
    FOR EACH STATEMENT EXECUTE FUNCTION hitl.refuse_change();
CREATE TRIGGER erasures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hitl.erasures
    FOR EACH STATEMENT EXECUTE FUNCTION hitl.refuse_change();

-- Empties what the events of a thread say, and keeps that they were. It runs as its owner, for nobody else may change an
-- event, and therefore names the tenant itself.
CREATE FUNCTION hitl.erase_events(thread text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    emptied bigint;
BEGIN
    PERFORM set_config('hitl.erasing', 'on', true);
    UPDATE hitl.events SET data = NULL, salt = NULL
    WHERE tenant = hitl.tenant() AND thread_id = thread AND data IS NOT NULL AND type <> 'erased';
    GET DIAGNOSTICS emptied = ROW_COUNT;
    PERFORM set_config('hitl.erasing', 'off', true);
    RETURN emptied;
END $$;
