"""What Redis runs for a request, by its own clock. See `SlidingWindow` for the same in Python.

The keys of a budget are four: requests in flight by when they were taken, answered ones by when they were, a key that
lasts as long as a block, and one that lasts as long as what was learned. All of them end by themselves.
"""

from segment_dagster.client.budgets.budget import MARGIN

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
"""

TAKE = f"""{_NOW}
-- ARGV: whether the budgets have to allow it; limit and minute of each
local longest, full = 0, 0
for n = 1, #KEYS / 4 do
  local in_flight, answered, blocked, shrunk = unpack(KEYS, 4 * n - 3, 4 * n)
  local limit, minute = tonumber(ARGV[2 * n]), tonumber(ARGV[2 * n + 1])
  -- times that have not come are from before the server's clock was set back
  for _, key in ipairs({{in_flight, answered}}) do
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - 2 * minute)
    redis.call('ZREMRANGEBYSCORE', key, now + minute, '+inf')
  end
  local since = string.format('(%.0f', now - minute - {MARGIN})
  local count = redis.call('ZCARD', in_flight) + redis.call('ZCOUNT', answered, since, '+inf')
  local shrunk_to = tonumber(redis.call('GET', shrunk) or limit)
  local wait = redis.call('PTTL', blocked) * 1000
  if wait <= 0 and shrunk_to < limit and count >= shrunk_to then
    wait = redis.call('PTTL', shrunk) * 1000
  elseif wait <= 0 and count >= limit then
    local leaves = redis.call('ZRANGEBYSCORE', answered, since, '+inf', 'WITHSCORES', 'LIMIT', count - limit, 1)
    local oldest = redis.call('ZRANGE', in_flight, 0, 0, 'WITHSCORES')
    wait = math.min((leaves[2] or now) + minute + {MARGIN}, (oldest[2] or now) + 2 * minute) - now
  end
  if wait > longest then
    longest, full = wait, n - 1
  end
end
if longest > 0 and ARGV[1] == '1' then
  return {{now, longest, full}}
end
for n = 1, #KEYS, 4 do
  -- the time is the request's name as well
  while redis.call('ZSCORE', KEYS[n], now) or redis.call('ZSCORE', KEYS[n + 1], now) do
    now = now + 1
  end
end
for n = 1, #KEYS / 4 do
  redis.call('ZADD', KEYS[4 * n - 3], now, now)
  redis.call('PEXPIRE', KEYS[4 * n - 3], math.ceil(2 * ARGV[2 * n + 1] / 1000))
end
return {{now, 0, 0}}
"""

ANSWERED = f"""{_NOW}
-- ARGV: when the request was taken; of each budget the minute, what remains or -1, and the microseconds until the reset
for n = 1, #KEYS / 4 do
  local in_flight, answered, blocked, shrunk = unpack(KEYS, 4 * n - 3, 4 * n)
  local minute, remaining, reset = tonumber(ARGV[3 * n - 1]), tonumber(ARGV[3 * n]), tonumber(ARGV[3 * n + 1])
  if remaining >= 0 and reset > 0 then
    local ours = redis.call('ZCARD', in_flight) + redis.call('ZCOUNT', answered, ARGV[1] - minute, '+inf')
    redis.call('SET', shrunk, ours + remaining, 'PX', math.ceil(reset / 1000))
  end
  redis.call('ZREM', in_flight, ARGV[1])
  redis.call('ZADD', answered, now, ARGV[1])
  redis.call('PEXPIRE', answered, math.ceil(2 * minute / 1000))
end
"""

BLOCK = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
end
"""
