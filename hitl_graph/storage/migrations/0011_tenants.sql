-- Tenants, kept apart twice: row-level security binds whoever is connected, and every statement of ours goes through views
-- that name the tenant. docs/decisions/0016.
--
-- A later migration that adds a table, a column, an index or a function ends with `SELECT hitl.guard_tables()`; one that
-- changes rows of all tenants begins with `SELECT hitl.unguard_tables()`, for FORCE binds the owner of the tables too.

CREATE SCHEMA hitl_tenant;

-- The role of connections that row-level security would not bind otherwise. Roles belong to the whole server: another
-- database may have made it, or be making it now. Who may not make roles is bound without it.
DO $$ BEGIN
    CREATE ROLE hitl_member NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
    NULL;
END $$;

-- LangGraph names the columns that it writes: one more with a default does not come in its way. Two tenants may have
-- threads of the same name; their checkpoints have ids of their own.
DO $$ DECLARE name text; BEGIN
    FOREACH name IN ARRAY ARRAY['checkpoints', 'checkpoint_blobs', 'checkpoint_writes'] LOOP
        CONTINUE WHEN to_regclass(name) IS NULL;
        EXECUTE format('ALTER TABLE %I ADD COLUMN tenant text NOT NULL DEFAULT ''default''', name);
        EXECUTE format('ALTER TABLE %I ALTER COLUMN tenant SET DEFAULT hitl.tenant()', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY tenant ON %I USING (tenant = hitl.tenant()) WITH CHECK (tenant = hitl.tenant())', name);
    END LOOP;
END $$;

-- Our tables, which all belong to tenants. Only the record of migrations belongs to nobody.
CREATE FUNCTION hitl.guarded_tables() RETURNS SETOF name LANGUAGE sql STABLE AS $$
    SELECT relname FROM pg_class
    WHERE relnamespace = 'hitl'::regnamespace AND relkind = 'r' AND relname <> 'migrations' ORDER BY relname
$$;

-- Lets a migration reach the rows of all tenants, until `guard_tables`.
CREATE FUNCTION hitl.unguard_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one name;
BEGIN
    FOR one IN SELECT hitl.guarded_tables() LOOP
        EXECUTE format('ALTER TABLE hitl.%I NO FORCE ROW LEVEL SECURITY', one);
    END LOOP;
END $$;

-- Whether a relation's columns of these numbers include the tenant.
CREATE FUNCTION hitl.names_tenant(relation oid, columns smallint[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation AND attname = 'tenant' AND attnum = ANY (columns))
$$;

-- Brings every table, key, index, view and function to the tenants' form. Nothing happens to those that have it.
CREATE FUNCTION hitl.guard_tables() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
    again text[] := '{}';
    command text;
    tables text;
BEGIN
    FOR one IN SELECT t AS name FROM hitl.guarded_tables() t LOOP
        IF NOT EXISTS (SELECT FROM pg_attribute
                       WHERE attrelid = format('hitl.%I', one.name)::regclass AND attname = 'tenant') THEN
            EXECUTE format('ALTER TABLE hitl.%I ADD COLUMN tenant text NOT NULL DEFAULT ''default''', one.name);
            EXECUTE format('ALTER TABLE hitl.%I ALTER COLUMN tenant SET DEFAULT hitl.tenant()', one.name);
        END IF;
        EXECUTE format('ALTER TABLE hitl.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', one.name);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON hitl.%I', one.name);
        EXECUTE format('CREATE POLICY tenant ON hitl.%I USING (tenant = hitl.tenant()) WITH CHECK (tenant = hitl.tenant())', one.name);
    END LOOP;

    -- Keys: what is unique is unique in its tenant, and nothing of one can point into another. First what points.
    FOR one IN SELECT conname, conrelid, conrelid::regclass AS relation, pg_get_constraintdef(oid) AS definition, contype
               FROM pg_constraint
               WHERE connamespace = 'hitl'::regnamespace AND contype IN ('f', 'p', 'u') AND conrelid IS DISTINCT FROM to_regclass('hitl.migrations')
                 AND NOT hitl.names_tenant(conrelid, conkey)
               ORDER BY contype
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.relation, one.conname);
        command := format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.relation, one.conname, CASE one.contype
            WHEN 'f' THEN regexp_replace(one.definition, '(KEY|REFERENCES [^ (]+) ?\(', '\1 (tenant, ', 'g')
            ELSE regexp_replace(one.definition, '\(', '(tenant, ') END);
        again := CASE one.contype WHEN 'f' THEN again || command ELSE command || again END;
    END LOOP;
    FOREACH command IN ARRAY again LOOP
        EXECUTE command;
    END LOOP;
    FOR one IN SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition
               FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
               WHERE c.relnamespace = 'hitl'::regnamespace AND c.relname <> 'migrations'
                 AND NOT hitl.names_tenant(i.indrelid, i.indkey::smallint[])
    LOOP
        EXECUTE format('DROP INDEX %s', one.name);
        EXECUTE regexp_replace(one.definition, 'USING btree \(', 'USING btree (tenant, ');
    END LOOP;

    -- Views: what statements name. `load_statements` writes them in the place of the tables.
    FOR one IN SELECT t AS name FROM hitl.guarded_tables() t LOOP
        EXECUTE format('DROP VIEW IF EXISTS hitl_tenant.%I', one.name);
        EXECUTE format('CREATE VIEW hitl_tenant.%I WITH (security_invoker = true) AS SELECT * FROM hitl.%I '
                       'WHERE tenant = hitl.tenant() WITH CHECK OPTION', one.name, one.name);
    END LOOP;

    -- Functions say the same as statements do; those that run as their owner name the tenant themselves.
    SELECT string_agg(t, '|') INTO tables FROM hitl.guarded_tables() t;
    FOR one IN SELECT pg_get_functiondef(p.oid) AS definition
               FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
               WHERE p.pronamespace = 'hitl'::regnamespace AND p.prokind = 'f' AND NOT p.prosecdef
                 AND l.lanname IN ('sql', 'plpgsql') AND p.proname NOT IN ('guard_tables', 'unguard_tables', 'grant_member')
    LOOP
        command := regexp_replace(one.definition, '(?<!'')\mhitl\.(' || tables || ')\M(?!\()', 'hitl_tenant.\1', 'g');
        IF command <> one.definition THEN
            EXECUTE regexp_replace(command, 'ON CONFLICT \((?!tenant)', 'ON CONFLICT (tenant, ', 'g');
        END IF;
    END LOOP;

    PERFORM hitl.grant_member();
END $$;

-- What connections may do that act as hitl_member. Events, seals and erasures are only ever added.
CREATE FUNCTION hitl.grant_member() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hitl_member') THEN
        RETURN;
    END IF;
    GRANT USAGE ON SCHEMA hitl, hitl_tenant TO hitl_member;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hitl, hitl_tenant TO hitl_member;
    REVOKE UPDATE, DELETE ON hitl.events, hitl.chain, hitl.erasures FROM hitl_member;
    REVOKE INSERT, UPDATE, DELETE ON hitl.unsealed FROM hitl_member;
    IF to_regclass('hitl.migrations') IS NOT NULL THEN
        REVOKE INSERT, UPDATE, DELETE ON hitl.migrations FROM hitl_member;
    END IF;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA hitl TO hitl_member;
    FOR one IN SELECT c.oid::regclass AS name, n.nspname AS schema
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE c.oid IN (to_regclass('checkpoints'), to_regclass('checkpoint_blobs'), to_regclass('checkpoint_writes'),
                              to_regclass('checkpoint_migrations'))
    LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO hitl_member', one.schema);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO hitl_member', one.name);
    END LOOP;
    IF to_regclass('hitl_jobs.installed') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA hitl_jobs TO hitl_member;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hitl_jobs TO hitl_member;
        REVOKE INSERT, UPDATE, DELETE ON hitl_jobs.installed FROM hitl_member;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA hitl_jobs TO hitl_member;
    END IF;
END $$;

-- The workers' tables, which `prepare_jobs` makes and updates: a column that nobody but the connection fills, as in LangGraph's.
-- Without `forced` the owner of the tables reaches the rows of all tenants, as an update must.
CREATE FUNCTION hitl.guard_jobs(forced boolean DEFAULT true) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT oid FROM pg_class
               WHERE relnamespace = 'hitl_jobs'::regnamespace AND relkind = 'r' AND relname <> 'installed'
    LOOP
        EXECUTE format('ALTER TABLE %s ADD COLUMN IF NOT EXISTS tenant text NOT NULL DEFAULT hitl.tenant()', one);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, %s ROW LEVEL SECURITY', one,
                       CASE WHEN forced THEN 'FORCE' ELSE 'NO FORCE' END);
        EXECUTE format('DROP POLICY IF EXISTS tenant ON %s', one);
        EXECUTE format('CREATE POLICY tenant ON %s USING (tenant = hitl.tenant()) WITH CHECK (tenant = hitl.tenant())', one);
    END LOOP;
    PERFORM hitl.grant_member();
END $$;

-- What a connection of ours begins with: from here on it sees and writes the rows of one tenant, whatever role and tenant it
-- had. False: it cannot be bound.
CREATE FUNCTION hitl.enter(name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('hitl.tenant', name, false);
    IF current_user NOT IN (session_user, 'hitl_member') THEN
        PERFORM set_config('role', 'none', false);
    END IF;
    IF NOT row_security_active('hitl.reviews') AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'hitl_member') THEN
        PERFORM set_config('role', 'hitl_member', false);
    END IF;
    RETURN row_security_active('hitl.reviews') AND row_security_active('checkpoints');
END $$;

SELECT hitl.guard_tables();
