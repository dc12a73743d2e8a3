-- A copy of a production database must neither send facts nor take production calls.
UPDATE healthcare_target
   SET active = false, secret_sealed = NULL, secret_uuid = NULL;
UPDATE healthcare_source
   SET paused = true, pause_reason = 'Neutralized copy';
DELETE FROM res_users_apikeys
 WHERE scope IN ('healthcare.events', 'healthcare.status', 'healthcare.metrics');
DELETE FROM ir_config_parameter
 WHERE key = 'healthcare_connector.environment';
INSERT INTO ir_config_parameter (key, value)
VALUES ('healthcare_connector.environment', 'sandbox');
