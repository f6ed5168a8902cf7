#!lua
-- Reads sessions of one shard.
-- KEYS[1] {p:s}   ARGV session suffixes
-- Returns for each session two values: its text and its version, both '' when there is none
local p = KEYS[1] .. ':'
local results = {}
for i = 1, #ARGV do
  local found = redis.call('HMGET', p .. ARGV[i], 's', 'n')
  results[2 * i - 1] = found[1] or ''
  results[2 * i] = found[2] or ''
end
return results
