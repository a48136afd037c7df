CREATE TABLE `main`.`segment_data`.`sources` (
`id` STRING NOT NULL COMMENT 'The source\'s id.',
`slug` STRING COMMENT 'The source\'s slug.',
`name` STRING COMMENT 'The source\'s display name.',
`metadata` STRING COMMENT 'The catalogue entry of the source\'s type: id, name, slug, logos, options, categories.',
`workspace_id` STRING COMMENT 'The workspace it belongs to.',
`enabled` BOOLEAN COMMENT 'Whether the source may send data.',
`write_keys` STRING COMMENT 'The keys with which code writes to the source. Empty unless the token is a source admin\'s.',
`settings` STRING COMMENT 'The settings of this source, as its type\'s options name them.',
`labels` STRING COMMENT 'The labels on the source: key, value, description.');

CREATE TABLE `main`.`segment_data_staging`.`sources` (
`id` STRING NOT NULL COMMENT 'The source\'s id.',
`slug` STRING COMMENT 'The source\'s slug.',
`name` STRING COMMENT 'The source\'s display name.',
`metadata` STRING COMMENT 'The catalogue entry of the source\'s type: id, name, slug, logos, options, categories.',
`workspace_id` STRING COMMENT 'The workspace it belongs to.',
`enabled` BOOLEAN COMMENT 'Whether the source may send data.',
`write_keys` STRING COMMENT 'The keys with which code writes to the source. Empty unless the token is a source admin\'s.',
`settings` STRING COMMENT 'The settings of this source, as its type\'s options name them.',
`labels` STRING COMMENT 'The labels on the source: key, value, description.');

PUT '<directory>/sources.<file>.parquet' INTO '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>/sources.<file>.0.parquet' OVERWRITE;

COPY INTO `main`.`segment_data_staging`.`sources`
FROM '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>'
FILEFORMAT = PARQUET;

TRUNCATE TABLE `main`.`segment_data`.`sources`;

INSERT INTO `main`.`segment_data`.`sources`(`id`, `slug`, `name`, `metadata`, `workspace_id`, `enabled`, `write_keys`, `settings`, `labels`) SELECT `id`, `slug`, `name`, `metadata`, `workspace_id`, `enabled`, `write_keys`, `settings`, `labels` FROM `main`.`segment_data_staging`.`sources`;
