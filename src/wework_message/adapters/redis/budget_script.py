"""The script that leases tokens of several budgets at once (ADR 49)."""

from typing import Final

LEASE: Final = """
-- KEYS: the buckets. ARGV: tokens requested; now in ms or ''; how far ahead, ms; tokens that the caller gives back (negative: owes);
-- then for each bucket: its limit, its period in ms, and as the caller remembers it: what is missing, and its birth, or '' twice.
-- `used` is what is missing of a full bucket, in 1/period of a token: it falls by `limit` a ms, and may exceed what a full one has.
local requested, now, ahead, returned = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local granted, buckets = requested, {}
for i, key in ipairs(KEYS) do
  local limit, per = tonumber(ARGV[4 * i + 1]), tonumber(ARGV[4 * i + 2])
  local memory, remembered = tonumber(ARGV[4 * i + 3]), ARGV[4 * i + 4]
  local stored = redis.call('HMGET', key, 'used', 'at', 'born')
  local used, at, born = tonumber(stored[1]), tonumber(stored[2]), stored[3]
  if used and at and born then
    -- A clock that went backwards gains nothing; counting continues from its new time.
    used = math.max(0, used - math.max(0, now - at) * limit)
    -- It was lost and is new: whoever remembers more of the one before is right.
    if memory and remembered ~= born then used = math.max(used, memory) end
  else
    used, born = memory or 0, string.format('%.0f', now)
    if memory and remembered == born then born = string.format('%.0f', now + 1) end
  end
  used = math.max(0, used - returned * per)
  local available = math.floor((limit * per - used) / per)
  -- Whole tokens that are available; without any, tokens in advance, each later than the one before.
  if available < 1 then available = math.max(1, math.floor(ahead * limit / per)) end
  granted = math.min(granted, available)
  buckets[i] = {used, born, limit, per}
end
local answer = {granted}
for i, key in ipairs(KEYS) do
  local used, born, limit, per = unpack(buckets[i])
  local after = used + granted * per
  redis.call('HSET', key, 'used', string.format('%.0f', after), 'at', string.format('%.0f', now), 'born', born)
  redis.call('PEXPIRE', key, math.ceil(after / limit) + 60000)
  answer[2 * i], answer[2 * i + 1] = string.format('%.0f', used), born
end
return answer
"""
