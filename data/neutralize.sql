-- A copy of a production database must neither send anything nor take production calls.
-- Where things go, and what opens them.
UPDATE healthcare_target
   SET active = false,
       paused = true,
       url = 'https://neutralized.invalid/',
       secret_sealed = NULL,
       secret_uuid = NULL,
       username = NULL,
       client_certificate = NULL,
       credentials_set = NULL,
       credentials_sealed = NULL,
       credentials_uuid = NULL;
-- Alerts go by mail to people and by a target to pagers.
UPDATE healthcare_alert_rule
   SET email_to = NULL;
UPDATE healthcare_alert_notice
   SET state = 'dropped'
 WHERE state = 'due';
-- What comes in: no key opens, no signature holds, nothing is taken.
DELETE FROM res_users_apikeys
 WHERE scope IN ('healthcare.events', 'healthcare.status', 'healthcare.metrics');
DELETE FROM healthcare_source_secret;
UPDATE healthcare_source
   SET paused = true, pause_reason = 'Neutralized copy';
-- Who a patient is to an analytics target is for the production database alone.
DELETE FROM healthcare_surrogate;
DELETE FROM ir_config_parameter
 WHERE key = 'healthcare_connector.environment';
INSERT INTO ir_config_parameter (key, value)
VALUES ('healthcare_connector.environment', 'sandbox');
