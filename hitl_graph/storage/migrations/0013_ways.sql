-- By which way an act came stands in its event, as `through`: {"way": "api", "token": …}. A connection says it, and no
-- statement can leave it out: whoever adds a kind of act needs to do nothing.

-- A part of `through`; null where there is none.
CREATE FUNCTION hitl.said_through(data json, part text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN data -> 'through' ->> part;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;  -- the log takes what it is told, also text that is none
END $$;
ALTER TABLE hitl.events ADD COLUMN way text GENERATED ALWAYS AS (hitl.said_through(data, 'way')) STORED;
CREATE INDEX events_way ON hitl.events (way, id) WHERE way IS NOT NULL;

-- An answer that came past the desk is just that, whoever hands it in and whatever it says of itself. What names somebody
-- without being their act has no way. The text of the data stays as it is: it is what is sealed.
CREATE FUNCTION hitl.tell_way() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who text := hitl.who_of(NEW.data);
    said text;
    way text;
BEGIN
    IF json_typeof(NEW.data) IS DISTINCT FROM 'object' THEN
        RETURN NEW;
    ELSIF NEW.type IN ('decided_elsewhere', 'answer_known') THEN
        way := '{"way": "resume"}';
    ELSIF who IS NULL OR NEW.type IN ('applied', 'effect_begun', 'start_begun', 'start_taken_up', 'start_done', 'start_failed') THEN
        RETURN NEW;
    ELSIF who LIKE 'system:%' THEN
        way := '{"way": "system"}';
    ELSE
        way := coalesce(nullif(current_setting('hitl.through', true), ''), '{"way": "code"}');
    END IF;
    said := left(rtrim(NEW.data::text, E' \t\r\n'), -1);  -- without the bracket at its end
    NEW.data := (said || CASE WHEN said ~ '^\s*{\s*$' THEN '' ELSE ', ' END || '"through" : ' || way || '}')::json;
    RETURN NEW;
END $$;
CREATE TRIGGER events_tell_way BEFORE INSERT ON hitl.events FOR EACH ROW EXECUTE FUNCTION hitl.tell_way();

-- What a connection of ours begins with, and again whenever somebody gave it back: nothing of whoever had it before.
CREATE OR REPLACE FUNCTION hitl.enter(name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('hitl.tenant', name, false), set_config('hitl.through', '', false);
    IF current_user NOT IN (session_user, 'hitl_member') THEN
        PERFORM set_config('role', 'none', false);
    END IF;
    IF NOT row_security_active('hitl.reviews') AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'hitl_member') THEN
        PERFORM set_config('role', 'hitl_member', false);
    END IF;
    RETURN row_security_active('hitl.reviews') AND row_security_active('checkpoints');
END $$;

SELECT hitl.guard_tables();
