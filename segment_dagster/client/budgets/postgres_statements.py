"""What PostgreSQL runs for a request, by the server's clock. See `SlidingWindow` for the same in Python.

Each of these is sent as one text, and so is one transaction. Times are microseconds since 1970.
"""

from segment_dagster.client.budgets.budget import MARGIN, MAX_BLOCK

SCHEMA = "segment_dagster_budgets"
"""The schema of the tables."""

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

# before a lock was waited for; unlike the time now, it can be looked up in an index
_ASKED = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"

# each statement has to see what was committed while the lock was waited for, whatever the database's default is
_BEGIN = (
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = '2s'"
)

EXISTS = f"SELECT to_regclass('{SCHEMA}.budgets') IS NOT NULL"

# without a log: a crash of the server loses what is a minute old at most
CREATE = f"""
SELECT pg_advisory_xact_lock(hashtextextended('{SCHEMA}', 0));
CREATE SCHEMA IF NOT EXISTS {SCHEMA};
CREATE UNLOGGED TABLE IF NOT EXISTS {SCHEMA}.requests (budget text NOT NULL, taken bigint NOT NULL, answered bigint);
CREATE INDEX IF NOT EXISTS requests_in_flight ON {SCHEMA}.requests (budget, taken) WHERE answered IS NULL;
CREATE INDEX IF NOT EXISTS requests_answered ON {SCHEMA}.requests (budget, answered) WHERE answered IS NOT NULL;
CREATE UNLOGGED TABLE IF NOT EXISTS {SCHEMA}.budgets (
  budget text PRIMARY KEY, blocked_until bigint, shrunk_to bigint, shrunk_until bigint
)
"""

FORGET = f"""
{_BEGIN};
DELETE FROM {SCHEMA}.requests WHERE greatest(taken, answered) < {_NOW} - 2 * {MAX_BLOCK};
DELETE FROM {SCHEMA}.budgets WHERE greatest(blocked_until, shrunk_until) < {_NOW} - 2 * {MAX_BLOCK}
"""  # noqa: S608 - names of ours

TAKE = f"""
{_BEGIN};
SELECT pg_advisory_xact_lock(hashtextextended(%(owner)s, 0));
DELETE FROM {SCHEMA}.requests
  WHERE budget = ANY(%(budgets)s) AND answered IS NULL AND taken <= {_ASKED} - 2 * %(minute)s;
DELETE FROM {SCHEMA}.requests WHERE budget = ANY(%(budgets)s) AND answered < {_ASKED} - 2 * %(minute)s;
-- times that have not come are from before the server's clock was set back: `future` and later ones do not count
WITH clock AS MATERIALIZED (
  SELECT now, now - %(minute)s - {MARGIN} AS since, now + %(minute)s AS future FROM (SELECT {_NOW} AS now) AS clock
),
asked AS (
  SELECT * FROM unnest(%(budgets)s, %(limits)s) WITH ORDINALITY AS asked (budget, allowed, number)
),
counted AS MATERIALIZED (
  SELECT asked.*, clock.*, blocked_until, shrunk_to, shrunk_until,
    (SELECT count(*) FROM {SCHEMA}.requests WHERE budget = asked.budget AND answered IS NULL AND taken < future)
    + (
      SELECT count(*) FROM {SCHEMA}.requests WHERE budget = asked.budget AND answered > since AND answered < future
    ) AS count
  FROM clock CROSS JOIN asked LEFT JOIN {SCHEMA}.budgets USING (budget)
),
waits AS (
  SELECT now, number, CASE
    WHEN NOT %(check)s THEN 0
    WHEN blocked_until > now AND blocked_until <= now + {MAX_BLOCK} THEN blocked_until - now
    WHEN shrunk_until > now AND shrunk_to < allowed AND count >= shrunk_to THEN shrunk_until - now
    WHEN count < allowed THEN 0
    ELSE least(
      coalesce(
        (
          SELECT answered FROM {SCHEMA}.requests
          WHERE budget = counted.budget AND answered > since AND answered < future
          ORDER BY answered OFFSET count - allowed LIMIT 1
        ),
        now
      ) + %(minute)s + {MARGIN},
      (SELECT min(taken) FROM {SCHEMA}.requests WHERE budget = counted.budget AND answered IS NULL) + 2 * %(minute)s
    ) - now
  END AS wait
  FROM counted
),
taken AS (
  INSERT INTO {SCHEMA}.requests (budget, taken)
  SELECT budget, now FROM asked CROSS JOIN clock WHERE (SELECT max(wait) FROM waits) = 0
)
SELECT now, wait, number - 1 FROM waits ORDER BY wait DESC, number LIMIT 1
"""  # noqa: S608 - names of ours

ANSWERED = f"""
{_BEGIN};
DELETE FROM {SCHEMA}.requests WHERE budget = ANY(%(budgets)s) AND taken = %(taken)s AND answered IS NULL;
INSERT INTO {SCHEMA}.requests (budget, taken, answered)
  SELECT budget, %(taken)s, {_NOW} FROM unnest(%(budgets)s) AS budget
"""  # noqa: S608 - names of ours

LEARNED = f"""
INSERT INTO {SCHEMA}.budgets (budget, shrunk_to, shrunk_until) SELECT
  %(budget)s,
  %(remaining)s
    + (SELECT count(*) FROM {SCHEMA}.requests WHERE budget = %(budget)s AND answered IS NULL)
    + (SELECT count(*) FROM {SCHEMA}.requests WHERE budget = %(budget)s AND answered >= %(taken)s - %(minute)s),
  {_NOW} + %(reset)s
ON CONFLICT (budget) DO UPDATE SET shrunk_to = excluded.shrunk_to, shrunk_until = excluded.shrunk_until
"""  # noqa: S608 - names of ours

BLOCK = f"""
{_BEGIN};
INSERT INTO {SCHEMA}.budgets AS budgets (budget, blocked_until) VALUES (%(budget)s, {_NOW} + %(duration)s)
ON CONFLICT (budget) DO UPDATE SET blocked_until = greatest(budgets.blocked_until, excluded.blocked_until)
"""  # noqa: S608 - names of ours
