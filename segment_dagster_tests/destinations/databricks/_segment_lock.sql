SELECT `owner`, `holder`, CAST(unix_timestamp() AS BIGINT) - `renewed_at`, `expires_at` - CAST(unix_timestamp() AS BIGINT) FROM `main`.`segment_data`.`_segment_lock`;

SELECT `owner`, `holder`, CAST(unix_timestamp() AS BIGINT) - `renewed_at`, `expires_at` - CAST(unix_timestamp() AS BIGINT) FROM `main`.`segment_data`.`_segment_lock`;

UPDATE `main`.`segment_data`.`_segment_lock` SET `owner` = %s, `holder` = %s, `taken_at` = CAST(unix_timestamp() AS BIGINT), `renewed_at` = CAST(unix_timestamp() AS BIGINT), `expires_at` = CAST(unix_timestamp() AS BIGINT) + 120 WHERE `expires_at` <= CAST(unix_timestamp() AS BIGINT);

SELECT `owner`, `holder`, CAST(unix_timestamp() AS BIGINT) - `renewed_at`, `expires_at` - CAST(unix_timestamp() AS BIGINT) FROM `main`.`segment_data`.`_segment_lock`;

UPDATE `main`.`segment_data`.`_segment_lock` SET `renewed_at` = CAST(unix_timestamp() AS BIGINT), `expires_at` = CAST(unix_timestamp() AS BIGINT) + 120 WHERE `owner` = %s;

SELECT `owner`, `holder`, CAST(unix_timestamp() AS BIGINT) - `renewed_at`, `expires_at` - CAST(unix_timestamp() AS BIGINT) FROM `main`.`segment_data`.`_segment_lock`;

UPDATE `main`.`segment_data`.`_segment_lock` SET `renewed_at` = CAST(unix_timestamp() AS BIGINT), `expires_at` = CAST(unix_timestamp() AS BIGINT) + 120 WHERE `owner` = %s;

SELECT `owner`, `holder`, CAST(unix_timestamp() AS BIGINT) - `renewed_at`, `expires_at` - CAST(unix_timestamp() AS BIGINT) FROM `main`.`segment_data`.`_segment_lock`;

UPDATE `main`.`segment_data`.`_segment_lock` SET `expires_at` = 0 WHERE `owner` = %s;
