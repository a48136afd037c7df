CREATE TABLE `main`.`segment_data`.`audit_events` (
`id` STRING NOT NULL COMMENT 'The event\'s id.',
`timestamp` TIMESTAMP COMMENT 'When it happened.',
`type` STRING COMMENT 'What happened, as the name of the event\'s type.',
`actor` STRING COMMENT 'The user or the API token that caused it.',
`actor_email` STRING COMMENT 'The user\'s e-mail address; null where the actor is no user.',
`resource_id` STRING COMMENT 'Id of the resource it happened to.',
`resource_type` STRING COMMENT 'The kind of that resource.',
`resource_name` STRING COMMENT 'The name of that resource.');

CREATE TABLE `main`.`segment_data_staging`.`audit_events` (
`id` STRING NOT NULL COMMENT 'The event\'s id.',
`timestamp` TIMESTAMP COMMENT 'When it happened.',
`type` STRING COMMENT 'What happened, as the name of the event\'s type.',
`actor` STRING COMMENT 'The user or the API token that caused it.',
`actor_email` STRING COMMENT 'The user\'s e-mail address; null where the actor is no user.',
`resource_id` STRING COMMENT 'Id of the resource it happened to.',
`resource_type` STRING COMMENT 'The kind of that resource.',
`resource_name` STRING COMMENT 'The name of that resource.');

PUT '<directory>/audit_events.<file>.parquet' INTO '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>/audit_events.<file>.0.parquet' OVERWRITE;

COPY INTO `main`.`segment_data_staging`.`audit_events`
FROM '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>'
FILEFORMAT = PARQUET;

DELETE FROM `main`.`segment_data`.`audit_events` as d WHERE EXISTS (SELECT 1 FROM `main`.`segment_data_staging`.`audit_events` as s WHERE d.`id` = s.`id`);

INSERT INTO `main`.`segment_data`.`audit_events`(`id`, `timestamp`, `type`, `actor`, `actor_email`, `resource_id`, `resource_type`, `resource_name`) SELECT `id`, `timestamp`, `type`, `actor`, `actor_email`, `resource_id`, `resource_type`, `resource_name` FROM `main`.`segment_data_staging`.`audit_events` WHERE 1 = 1;
