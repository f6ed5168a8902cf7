#!lua flags=allow-oom
-- Says that a copy of the bot lives, by the server's clock, and forgets those that have not been heard of.
-- KEYS[1] {p}:copies, sorted set: copy -> end of its lease, ms   ARGV[1] the copy; ARGV[2] length of its lease, ms
-- Returns the copies that live.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
return redis.call('ZRANGE', KEYS[1], 0, -1)
