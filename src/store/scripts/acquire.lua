#!lua
-- Takes the ownership of a shard; whoever held it before can write nothing any more.
-- KEYS[1] {p:s}:owner   "<epoch>:<owner>"
-- ARGV[1] the new owner's name
-- Returns the new value of the key: the token that every later write of the owner must carry.
local held = redis.call('GET', KEYS[1])
local epoch = 0
if held then epoch = tonumber(string.match(held, '^(%d+)')) or 0 end
local token = string.format('%d:%s', epoch + 1, ARGV[1])
redis.call('SET', KEYS[1], token)
return token
