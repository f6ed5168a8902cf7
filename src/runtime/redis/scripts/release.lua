#!lua flags=allow-oom
-- Gives a shard, or the polling, back. The epoch stays, so that it only rises.
-- KEYS[1] {p:s}:owner or {p}:poller   ARGV[1] the owner's token
-- Returns ok | fenced (another copy has it)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'fenced' end
redis.call('SET', KEYS[1], string.match(ARGV[1], '^%d+:'))
return 'ok'
