CREATE TABLE `main`.`segment_data`.`labels` (
`key` STRING NOT NULL COMMENT 'The label\'s key, such as environment.',
`value` STRING NOT NULL COMMENT 'The label\'s value, such as prod.',
`description` STRING COMMENT 'What the label is for.');

CREATE TABLE `main`.`segment_data_staging`.`labels` (
`key` STRING NOT NULL COMMENT 'The label\'s key, such as environment.',
`value` STRING NOT NULL COMMENT 'The label\'s value, such as prod.',
`description` STRING COMMENT 'What the label is for.');

PUT '<directory>/labels.<file>.parquet' INTO '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>/labels.<file>.0.parquet' OVERWRITE;

COPY INTO `main`.`segment_data_staging`.`labels`
FROM '/Volumes/main/segment_data_staging/_dlt_staging_load_volume/<id>'
FILEFORMAT = PARQUET;

TRUNCATE TABLE `main`.`segment_data`.`labels`;

INSERT INTO `main`.`segment_data`.`labels`(`key`, `value`, `description`) SELECT `key`, `value`, `description` FROM `main`.`segment_data_staging`.`labels`;
