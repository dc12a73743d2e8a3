-- A role for BI tools that reads the views of facts in Odoo's own database, and nothing
-- else. Run it once, in that database, as a user who may make roles, e.g.
--
--     psql -d odoo -f bi_role.sql
--     psql -d odoo -c "CREATE ROLE analyst LOGIN PASSWORD '...' IN ROLE healthcare_bi"
--
-- Running it again does no harm. Views that an update of the addon makes anew are
-- readable to the role by themselves.

DO $$
DECLARE
    owner text;
BEGIN
    SELECT nspowner::regrole::text INTO STRICT owner
    FROM pg_namespace WHERE nspname = 'healthcare_analytics';

    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'healthcare_bi') THEN
        CREATE ROLE healthcare_bi NOLOGIN;
    END IF;
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO healthcare_bi', current_database());
    GRANT USAGE ON SCHEMA healthcare_analytics TO healthcare_bi;
    GRANT SELECT ON ALL TABLES IN SCHEMA healthcare_analytics TO healthcare_bi;
    EXECUTE format(
        'ALTER DEFAULT PRIVILEGES FOR ROLE %s IN SCHEMA healthcare_analytics
        GRANT SELECT ON TABLES TO healthcare_bi', owner);
END
$$;

COMMENT ON ROLE healthcare_bi IS 'Reads the views in healthcare_analytics';
