"""The script that leases tokens of requests."""

from typing import Final

LEASE: Final = """
-- KEYS: the buckets. ARGV: now in us, or ''; then for each bucket: us for a token, tokens of a full one, tokens requested, tokens that the
-- caller gives back, and tokens that it owes.
-- `full` is when a bucket is full again, us; what it owes is beyond a whole bucket.
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local answer = {}
for i, key in ipairs(KEYS) do
  local token, burst = tonumber(ARGV[5 * i - 3]), tonumber(ARGV[5 * i - 2])
  local requested, returned, owed = tonumber(ARGV[5 * i - 1]), tonumber(ARGV[5 * i]), tonumber(ARGV[5 * i + 1])
  local stored = redis.call('HMGET', key, 'full', 'at')
  local full, at = tonumber(stored[1]) or now, tonumber(stored[2]) or now
  -- A clock that went backwards gains nothing, and costs nothing.
  if now < at then full = full - (at - now) end
  full = math.max(now, math.max(now, full) + (owed - returned) * token)
  local available = burst - (full - now) / token
  local granted = math.max(0, math.min(requested, math.floor(available + 0.000001)))
  full = full + granted * token
  redis.call('HSET', key, 'full', string.format('%.0f', full), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', key, math.ceil((full - now) / 1000) + 60000)
  answer[2 * i - 1] = granted
  -- How long until the next token is there.
  answer[2 * i] = math.ceil(math.max(0, full - now - (burst - 1) * token))
end
return answer
"""
"""Answers for each bucket: tokens granted, and the wait for the next one in us."""
