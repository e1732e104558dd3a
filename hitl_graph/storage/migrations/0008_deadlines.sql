-- What happens to a case that nobody decides, and when. `Desk.deadlines` plans it from the request's own SLA and acts on it;
-- times are the database's.
ALTER TABLE hitl.reviews
    ADD COLUMN timed_from timestamptz NOT NULL DEFAULT now(),   -- from when its hours are counted
    ADD COLUMN deadlines  text NOT NULL DEFAULT 'none'          -- none: it may wait for ever
                          CHECK (deadlines IN ('none', 'unplanned', 'planned'));
UPDATE hitl.reviews SET timed_from = asked_at, deadlines = CASE WHEN due_at IS NULL THEN 'none' ELSE 'unplanned' END;
CREATE INDEX reviews_unplanned ON hitl.reviews (seq) WHERE status = 'pending' AND deadlines = 'unplanned';

CREATE TABLE hitl.timers (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    thread_id text NOT NULL,
    review_id text NOT NULL,
    kind      text NOT NULL CHECK (kind IN ('reminder', 'escalate', 'repeat', 'ack', 'expiry')),
    level     int NOT NULL,                             -- reminder, repeat, ack, expiry: of this level; escalate: to it
    at        timestamptz NOT NULL,
    remaining int NOT NULL DEFAULT 0,                   -- repeats that are still to come, this one among them
    done_at   timestamptz,
    outcome   text,                                     -- 'acted', 'missed': a later one acted; 'held': acknowledged; 'replaced'
    FOREIGN KEY (thread_id, review_id) REFERENCES hitl.reviews (thread_id, id)
);
CREATE INDEX timers_due ON hitl.timers (at, id) WHERE done_at IS NULL;
CREATE INDEX timers_review ON hitl.timers (thread_id, review_id);

-- A case that is asked anew, with other words or after it was closed, is timed anew: from now on, by what it says now.
CREATE FUNCTION hitl.time_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.timed_from := now();
    NEW.level := 0;
    IF NEW.deadlines = 'planned' THEN
        NEW.deadlines := 'unplanned';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reviews_time_anew BEFORE UPDATE OF status, digest ON hitl.reviews FOR EACH ROW
    WHEN (NEW.digest <> OLD.digest
          OR (OLD.status IN ('applied', 'superseded') AND NEW.status NOT IN ('applied', 'superseded'))
          OR (OLD.status = 'failed' AND NEW.status = 'pending'))
    EXECUTE FUNCTION hitl.time_anew();
