#!lua flags=allow-oom
-- Says that a copy of the bot lives, by the server's clock, and forgets those that have not been heard of.
-- While the server itself was down, nobody could be heard. That time counts against no copy, since each would take the
-- others for dead, and send what they have sent and could not note.
-- KEYS[1] {p}:copies, sorted set: copy -> end of its lease, ms; one that is leaving stands there as "<copy>~"
-- ARGV[1] the copy; ARGV[2] length of its lease, ms; ARGV[3] longest silence of a living copy, ms; ARGV[4] 1: it is leaving
-- Returns the copies that live, as they stand there.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local latest = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
local silence = latest and now - (tonumber(latest) - tonumber(ARGV[2])) or 0
local function uptime()
  return tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')) * 1000
end
if silence > tonumber(ARGV[3]) and uptime() < silence then
  for _, copy in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do redis.call('ZINCRBY', KEYS[1], silence, copy) end
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local name = ARGV[1]
if ARGV[4] == '1' then
  redis.call('ZREM', KEYS[1], name)
  name = name .. '~'
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), name)
return redis.call('ZRANGE', KEYS[1], 0, -1)
