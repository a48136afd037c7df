CREATE TABLE `main`.`segment_data`.`sources_history` (
`row_version` STRING NOT NULL,
`id` STRING NOT NULL COMMENT 'The source\'s id.',
`slug` STRING COMMENT 'The source\'s slug.',
`name` STRING COMMENT 'The source\'s display name.',
`metadata` STRING COMMENT 'The catalogue entry of the source\'s type: id, name, slug, logos, options, categories.',
`workspace_id` STRING COMMENT 'The workspace it belongs to.',
`enabled` BOOLEAN COMMENT 'Whether the source may send data.',
`write_keys` STRING COMMENT 'The keys with which code writes to the source. Empty unless the token is a source admin\'s.',
`settings` STRING COMMENT 'The settings of this source, as its type\'s options name them.',
`labels` STRING COMMENT 'The labels on the source: key, value, description.',
`valid_from` TIMESTAMP ,
`valid_to` TIMESTAMP );

CREATE TABLE `main`.`segment_data_staging`.`sources_history` (
`row_version` STRING NOT NULL,
`id` STRING NOT NULL COMMENT 'The source\'s id.',
`slug` STRING COMMENT 'The source\'s slug.',
`name` STRING COMMENT 'The source\'s display name.',
`metadata` STRING COMMENT 'The catalogue entry of the source\'s type: id, name, slug, logos, options, categories.',
`workspace_id` STRING COMMENT 'The workspace it belongs to.',
`enabled` BOOLEAN COMMENT 'Whether the source may send data.',
`write_keys` STRING COMMENT 'The keys with which code writes to the source. Empty unless the token is a source admin\'s.',
`settings` STRING COMMENT 'The settings of this source, as its type\'s options name them.',
`labels` STRING COMMENT 'The labels on the source: key, value, description.',
`valid_from` TIMESTAMP ,
`valid_to` TIMESTAMP );

PUT '<directory>/sources_history.<file>.parquet' INTO '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>/sources_history.<file>.0.parquet' OVERWRITE;

COPY INTO `main`.`segment_data_staging`.`sources_history`
FROM '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>'
FILEFORMAT = PARQUET;

UPDATE `main`.`segment_data`.`sources_history` SET `valid_to` = <moment of the load> WHERE `row_version` NOT IN (SELECT `row_version` FROM `main`.`segment_data_staging`.`sources_history`) AND `valid_to` IS NULL;

INSERT INTO `main`.`segment_data`.`sources_history` (`row_version`, `id`, `slug`, `name`, `metadata`, `workspace_id`, `enabled`, `write_keys`, `settings`, `labels`, `valid_from`, `valid_to`) SELECT `row_version`, `id`, `slug`, `name`, `metadata`, `workspace_id`, `enabled`, `write_keys`, `settings`, `labels`, <moment of the load> AS `valid_from`, NULL AS `valid_to` FROM `main`.`segment_data_staging`.`sources_history` AS s WHERE `row_version` NOT IN (SELECT `row_version` FROM `main`.`segment_data`.`sources_history` WHERE `valid_to` IS NULL);
